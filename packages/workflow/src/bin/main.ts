#!/usr/bin/env node
import { workflowCommand } from '../io/workflow-command.ts';

const { stdout, stderr, exitCode } = await workflowCommand(process.argv.slice(2));
process.stdout.write(stdout);
process.stderr.write(stderr);
process.exitCode = exitCode;
