#!/usr/bin/env node
import { hostCommand } from '../hosts/host-command.ts';

process.exitCode = await hostCommand(process.argv.slice(2));
process.exit();
