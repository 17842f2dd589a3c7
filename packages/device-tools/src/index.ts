export { DEVICE_TOOL_ERROR_CODES, DeviceToolError, type DeviceToolErrorCode } from './core/errors.ts';
export { exceeds, higherRisk, isRiskClass, RISK_CLASSES, type RiskClass } from './core/risk.ts';
export {
  defineDeviceTool,
  DEVICE_TOOL_META,
  GUARD_ARGUMENTS,
  readDeclaration,
  type ChannelCondition,
  type DeviceTool,
  type DeviceToolDeclaration,
  type DeviceToolOptions,
  type Interlock,
  type JsonRecord,
} from './core/declaration.ts';
export { canonical } from './core/canonical.ts';
export { REFUSAL_CODES, type Refusal, type RefusalCode } from './core/refusal.ts';
export { checkArguments } from './core/check-args.ts';
export { checkInterlocks, type Channels } from './core/interlocks.ts';
export {
  LONGEST_APPROVAL_MS,
  whyNotApproved,
  type ApprovalRules,
  type ApprovedCall,
} from './core/approval.ts';
export { RequestMemory, type RequestMemoryOptions } from './core/request-memory.ts';
export {
  approvalRequired,
  approvalUsed,
  DeviceToolGuard,
  type CallOutcome,
  type GuardOptions,
  type SettleAnswer,
} from './core/guard.ts';
export {
  commandState,
  CommandViews,
  type DeviceCommandState,
  type DeviceCommandView,
} from './core/command-view.ts';
export {
  CommandMemory,
  followCommands,
  type CommandFollower,
  type FollowCommandsOptions,
} from './io/follow-commands.ts';
export {
  cancelDeviceCommand,
  readDeviceCommands,
  sendDeviceCommand,
  waitForDeviceCommand,
  type CancelAnswer,
  type SendCommandOptions,
} from './io/send-command.ts';
export { followApprovals, type ApprovalBook } from './io/follow-approvals.ts';
export { whyTooLate, withdrawApproval, type ToolCaller, type Withdrawal } from './io/withdraw-approval.ts';
export { registerDeviceTools, SETTLE_TOOL } from './io/register-device-tools.ts';
