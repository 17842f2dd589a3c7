/** `@shoal/agent-sdk/program`: what the command of an agent needs beside the agent. Node only. */
export {
  brokerOf,
  passwordIn,
  ProgramUsageError,
  readPasswordFile,
  runAgentProgram,
  type AgentProgram,
  type ProgramPlace,
} from './agent-program.ts';
