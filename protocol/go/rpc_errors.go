package protocol

import (
	"encoding/json"
	"fmt"
)

// ErrorSpec is a row of the table of JSON-RPC errors. Family: core (A2A §3.3.2), binding (profile: Error Mapping), jsonrpc
// (JSON-RPC 2.0 §5.1) or auth. The numbers of core and binding collide; data.a2a_error tells them apart.
type ErrorSpec struct {
	Name      string
	Family    string
	Code      int
	Reason    string
	Retryable bool
}

// RPCErrors is the table of all errors.
var RPCErrors = []ErrorSpec{
	{Name: "TaskNotFound", Family: "core", Code: -32001, Reason: "TASK_NOT_FOUND"},
	{Name: "TaskNotCancelable", Family: "core", Code: -32002, Reason: "TASK_NOT_CANCELABLE"},
	{Name: "PushNotificationNotSupported", Family: "core", Code: -32003, Reason: "PUSH_NOTIFICATION_NOT_SUPPORTED"},
	{Name: "UnsupportedOperation", Family: "core", Code: -32004, Reason: "UNSUPPORTED_OPERATION"},
	{Name: "ContentTypeNotSupported", Family: "core", Code: -32005, Reason: "CONTENT_TYPE_NOT_SUPPORTED"},
	{Name: "InvalidAgentResponse", Family: "core", Code: -32006, Reason: "INVALID_AGENT_RESPONSE"},
	{Name: "ExtendedAgentCardNotConfigured", Family: "core", Code: -32007, Reason: "EXTENDED_AGENT_CARD_NOT_CONFIGURED"},
	{Name: "ExtensionSupportRequired", Family: "core", Code: -32008, Reason: "EXTENSION_SUPPORT_REQUIRED"},
	{Name: "VersionNotSupported", Family: "core", Code: -32009, Reason: "VERSION_NOT_SUPPORTED"},
	{Name: "request_expired", Family: "binding", Code: -32003, Reason: "REQUEST_EXPIRED", Retryable: true},
	{Name: "responder_unavailable", Family: "binding", Code: -32004, Reason: "RESPONDER_UNAVAILABLE", Retryable: true},
	{Name: "transport_protocol_error", Family: "binding", Code: -32005, Reason: "TRANSPORT_PROTOCOL_ERROR"},
	{Name: "ParseError", Family: "jsonrpc", Code: -32700},
	{Name: "InvalidRequest", Family: "jsonrpc", Code: -32600},
	{Name: "MethodNotFound", Family: "jsonrpc", Code: -32601},
	{Name: "InvalidParams", Family: "jsonrpc", Code: -32602},
	{Name: "InternalError", Family: "jsonrpc", Code: -32603},
	{Name: "Unauthenticated", Family: "auth", Code: -31401, Reason: "UNAUTHENTICATED"},
	{Name: "PermissionDenied", Family: "auth", Code: -31403, Reason: "PERMISSION_DENIED"},
}

// ErrorClass is what a received error means. Name is one of the table, an unknown a2a_error as received, or Unknown.
type ErrorClass struct {
	Family    string `json:"family"`
	Name      string `json:"name"`
	Retryable bool   `json:"retryable"`
}

// NewRPCError is the error object of a reply; an error when the table has no such name.
func NewRPCError(name, message string) (JsonRpcError, error) {
	spec, known := find(func(spec ErrorSpec) bool { return spec.Name == name })
	if !known {
		return JsonRpcError{}, fmt.Errorf("no error is called %q", name)
	}
	result := JsonRpcError{Code: spec.Code, Message: message}
	if spec.Reason == "" {
		return result, nil
	}
	info := map[string]any{
		"@type":  "type.googleapis.com/google.rpc.ErrorInfo",
		"reason": spec.Reason,
		"domain": "a2a-protocol.org",
	}
	var data any = []any{info}
	if spec.Family == "binding" {
		info["domain"] = "a2a-over-mqtt"
		data = map[string]any{"a2a_error": name, "details": []any{info}}
	}
	text, err := json.Marshal(data)
	result.Data = text
	return result, err
}

// ClassifyError tells which error a peer meant. The number alone cannot: a2a_error means the binding's (also inside an
// array), then ErrorInfo's reason decides, then the number with its core meaning.
func ClassifyError(received JsonRpcError) ErrorClass {
	var data any
	_ = json.Unmarshal(received.Data, &data)
	details, isArray := data.([]any)
	if !isArray {
		details = []any{data}
	}
	for _, detail := range details {
		if name, ok := member(detail, "a2a_error"); ok {
			spec, _ := find(func(spec ErrorSpec) bool { return spec.Family == "binding" && spec.Name == name })
			return ErrorClass{"binding", name, spec.Retryable}
		}
	}
	for _, detail := range details {
		reason, ok := member(detail, "reason")
		if spec, known := find(func(spec ErrorSpec) bool { return spec.Reason == reason }); ok && known && isArray && reason != "" {
			return ErrorClass{spec.Family, spec.Name, spec.Retryable}
		}
	}
	if spec, known := find(func(spec ErrorSpec) bool { return spec.Code == received.Code }); known {
		return ErrorClass{spec.Family, spec.Name, spec.Retryable}
	}
	return ErrorClass{"unknown", "Unknown", false}
}

func find(is func(ErrorSpec) bool) (ErrorSpec, bool) {
	for _, spec := range RPCErrors {
		if is(spec) {
			return spec, true
		}
	}
	return ErrorSpec{}, false
}

func member(value any, name string) (string, bool) {
	object, _ := value.(map[string]any)
	text, ok := object[name].(string)
	return text, ok
}
