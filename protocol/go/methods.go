package protocol

import "slices"

// Method is an operation of A2A 1.0. Result is empty where the result is null or {}; Stream: many replies, each with one
// result; Capability is what the card must declare.
type Method struct {
	Name, Params, Result string
	Stream               bool
	Capability           string
}

const push = "TaskPushNotificationConfig"

// Methods are the eleven operations (§5.3, §9.4).
var Methods = []Method{
	{"SendMessage", "SendMessageRequest", "SendMessageResponse", false, ""},
	{"SendStreamingMessage", "SendMessageRequest", "StreamResponse", true, "streaming"},
	{"GetTask", "GetTaskRequest", "Task", false, ""},
	{"ListTasks", "ListTasksRequest", "ListTasksResponse", false, ""},
	{"CancelTask", "CancelTaskRequest", "Task", false, ""},
	{"SubscribeToTask", "SubscribeToTaskRequest", "StreamResponse", true, "streaming"},
	{"Create" + push, push, push, false, "pushNotifications"},
	{"Get" + push, "Get" + push + "Request", push, false, "pushNotifications"},
	{"List" + push + "s", "List" + push + "sRequest", "List" + push + "sResponse", false, "pushNotifications"},
	{"Delete" + push, "Delete" + push + "Request", "", false, "pushNotifications"},
	{"GetExtendedAgentCard", "GetExtendedAgentCardRequest", "AgentCard", false, "extendedAgentCard"},
}

// TaskStates are in the order of their numbers in the specification. UNSPECIFIED is read and never written.
var TaskStates = []string{
	"TASK_STATE_UNSPECIFIED",
	"TASK_STATE_SUBMITTED",
	"TASK_STATE_WORKING",
	"TASK_STATE_COMPLETED",
	"TASK_STATE_FAILED",
	"TASK_STATE_CANCELED",
	"TASK_STATE_INPUT_REQUIRED",
	"TASK_STATE_REJECTED",
	"TASK_STATE_AUTH_REQUIRED",
}

// IsTerminal: the task takes no more messages; its stream ends.
func IsTerminal(state string) bool {
	return slices.Contains([]string{
		"TASK_STATE_COMPLETED", "TASK_STATE_FAILED", "TASK_STATE_CANCELED", "TASK_STATE_REJECTED",
	}, state)
}

// IsInterrupted: the task waits for its requester, which on this binding ends the stream (profile: Streaming).
func IsInterrupted(state string) bool {
	return state == "TASK_STATE_INPUT_REQUIRED" || state == "TASK_STATE_AUTH_REQUIRED"
}
