import type { TSchema } from 'typebox';
import { Acl } from './acl.ts';
import * as agents from './agents.ts';
import { Answer } from './ask.ts';
import * as devices from './devices.ts';
import { Doctor } from './doctor.ts';
import * as hosts from './hosts.ts';
import * as projects from './projects.ts';
import * as sessions from './sessions.ts';
import * as workflows from './workflows.ts';

/** The JSON Schema of what `--json` prints, by the name that `shoal schema` takes. */
export const SHAPES: Readonly<Record<string, TSchema>> = {
  'agents.list': agents.AgentsList,
  'agents.get': agents.AgentDetail,
  'agents.watch': agents.AgentsWatch,
  'agents.change': agents.AgentChanged,
  'agents.stats': agents.AgentsStats,
  'agents.lint': agents.AgentsLint,
  ask: Answer,
  'workflow.validate': workflows.WorkflowsChecked,
  'workflow.plan': workflows.WorkflowPlan,
  'workflow.list': workflows.WorkflowsList,
  'workflow.run': workflows.WorkflowRun,
  'session.list': sessions.SessionsList,
  'session.show': sessions.SessionDetail,
  'session.watch': sessions.SessionWatch,
  'session.change': sessions.SessionChanged,
  'session.rerun': sessions.SessionRerun,
  'devices.list': devices.DevicesList,
  'devices.watch': devices.DevicesWatch,
  'devices.tools': devices.DeviceTools,
  'devices.call': devices.DeviceCall,
  'devices.approval': devices.DeviceApproval,
  'devices.withdrawal': devices.DeviceWithdrawal,
  'devices.command': devices.DeviceCommandRow,
  'devices.commands': devices.DeviceCommands,
  doctor: Doctor,
  trace: projects.Trace,
  create: projects.Created,
  bench: projects.Bench,
  host: hosts.HostRan,
  acl: Acl,
};
