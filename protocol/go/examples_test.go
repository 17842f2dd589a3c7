package protocol

// The examples of protocol/examples: what must be read, what must be refused, and what must not be written.

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

type example struct {
	document, name string
	text           []byte
}

func examples(t *testing.T, kind string) []example {
	t.Helper()
	paths, _ := filepath.Glob("../examples/" + kind + "/*/*.json")
	found := []example{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, example{filepath.Base(filepath.Dir(path)), filepath.Base(path), text})
	}
	if len(found) == 0 {
		t.Fatal("no examples")
	}
	return found
}

// typed gives a pointer to a new value of the type of that name.
func typed(t *testing.T, document string) any {
	t.Helper()
	known := []any{
		AgentAttempt{}, AgentCard{}, AgentState{}, ApprovalDecision{}, ApprovalRequest{}, Artifact{}, AttemptRecord{}, BadRequest{},
		BindingErrorData{}, BrokerCanary{}, CallerRecord{}, CancelTaskRequest{}, ControlRecord{},
		DeleteTaskPushNotificationConfigRequest{}, DesiredState{}, DeviceCommand{},
		DeviceCommandCancel{}, DeviceCommandStatus{}, ErrorInfo{}, GetExtendedAgentCardRequest{},
		GetTaskPushNotificationConfigRequest{}, GetTaskRequest{}, HostEvent{}, HostOrder{}, HostRecord{}, JsonRpcError{},
		JsonRpcRequest{}, JsonRpcResponse{}, ListTaskPushNotificationConfigsRequest{}, ListTaskPushNotificationConfigsResponse{},
		ListTasksRequest{}, ListTasksResponse{}, Message{}, Part{}, ReasoningRecord{}, SendMessageRequest{}, SendMessageResponse{},
		SessionClaim{}, SessionOutcome{}, SessionRecord{}, StepIntent{}, StepItems{}, StepResult{}, StepStatus{}, StreamResponse{},
		SubscribeToTaskRequest{}, Task{}, TaskArtifactUpdateEvent{}, TaskPushNotificationConfig{}, TaskStatusUpdateEvent{},
		Telemetry{}, ToolApproval{}, TriggerRecord{}, UsageRecord{}, WorkOrder{}, WorkflowDefinition{}, WriterRecord{},
	}
	for _, value := range known {
		if reflect.TypeOf(value).Name() == document {
			return reflect.New(reflect.TypeOf(value)).Interface()
		}
	}
	t.Fatalf("no type is named %s", document)
	return nil
}

func TestValidExamples(t *testing.T) {
	for _, each := range examples(t, "valid") {
		value := typed(t, each.document)
		if err := Decode(each.document, each.text, value); err != nil {
			t.Errorf("%s %s: %v", each.document, each.name, err)
			continue
		}
		// Nothing that the type knows is lost or changed on the way back, and nothing is added.
		var original any
		_ = json.Unmarshal(each.text, &original)
		again := plain(t, value)
		if difference := beyond(again, original, ""); difference != "" {
			t.Errorf("%s %s: %s is not as it came", each.document, each.name, difference)
		}
		if violations, err := Validate(each.document, again); err != nil || len(violations) > 0 {
			t.Errorf("%s %s, written again: %v %v", each.document, each.name, violations, err)
		}
	}
}

// beyond names the first place where value is not in original; unknown fields of the original may be missing.
func beyond(value, original any, at string) string {
	switch known := value.(type) {
	case map[string]any:
		from, _ := original.(map[string]any)
		for name, member := range known {
			other, has := from[name]
			if !has {
				return step(at, name)
			}
			if difference := beyond(member, other, step(at, name)); difference != "" {
				return difference
			}
		}
		return ""
	case []any:
		from, _ := original.([]any)
		if len(from) != len(known) {
			return at
		}
		for i, item := range known {
			if difference := beyond(item, from[i], at+"[]"); difference != "" {
				return difference
			}
		}
		return ""
	}
	if reflect.DeepEqual(value, original) {
		return ""
	}
	return at
}

type faulty struct {
	Field    string
	Document any
}

func names(violations []Violation, field string) bool {
	for _, violation := range violations {
		if violation.Field == field {
			return true
		}
	}
	return false
}

func TestInvalidExamples(t *testing.T) {
	for _, each := range examples(t, "invalid") {
		var wrong faulty
		if err := json.Unmarshal(each.text, &wrong); err != nil {
			t.Fatal(err)
		}
		if violations, err := Validate(each.document, wrong.Document); err != nil || !names(violations, wrong.Field) {
			t.Errorf("%s %s: %v %v does not name %q", each.document, each.name, violations, err, wrong.Field)
		}
	}
}

func TestUnwritableExamples(t *testing.T) {
	for _, each := range examples(t, "unwritable") {
		var wrong faulty
		if err := json.Unmarshal(each.text, &wrong); err != nil {
			t.Fatal(err)
		}
		if violations, err := Validate(each.document, wrong.Document); err != nil || len(violations) > 0 {
			t.Errorf("%s %s: may not be read: %v %v", each.document, each.name, violations, err)
		}
		_, err := Encode(each.document, wrong.Document)
		var refused *DocumentError
		if !errors.As(err, &refused) || !names(refused.Violations, wrong.Field) {
			t.Errorf("%s %s: %v does not name %q", each.document, each.name, err, wrong.Field)
		}
	}
}

func TestDecodingNamesWhatIsWrong(t *testing.T) {
	var part Part
	if err := Decode("Part", []byte("\xef\xbb\xbf{\"text\": \"a\", \"data\": null}"), &part); err == nil {
		t.Error("text and a null for data are two contents")
	}
	if err := Decode("Part", []byte("\xef\xbb\xbf{\"data\": null}"), &part); err != nil || string(part.Data) != "null" {
		t.Errorf("null counts as present: %s, %v", part.Data, err)
	}
	for payload, problem := range map[string]string{
		"\xff":                       "is not UTF-8",
		"":                           "is not JSON",
		`{"text": "a"} x`:            "is not JSON",
		strings.Repeat("[", 100_000): "is not JSON",
		`{"text": 1}`:                "text",
		`{"text": "a", "url": "b"}`:  "exactly one of text, raw, url, data; has text and url",
	} {
		var refused *DocumentError
		if err := Decode("Part", []byte(payload), &part); !errors.As(err, &refused) || !strings.Contains(err.Error(), problem) {
			t.Errorf("%.20s: %v does not say %s", payload, err, problem)
		}
	}
	if _, err := Validate("Nonsense", nil); err == nil {
		t.Error("a document of no name was checked")
	}
}

func ExampleDiscoveryTopic() {
	topic, err := DiscoveryTopic(AgentAddress{Org: "acme", Unit: "plant-1", AgentID: "pump-01"})
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString(topic + "\n")
	// Output: $a2a/v1/discovery/acme/plant-1/pump-01
}
