package protocol

// The language-neutral vectors, run against this implementation. Their format is in vectors/README.md.

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

func read[T any](t *testing.T, name string) T {
	t.Helper()
	var document T
	text, err := os.ReadFile("../vectors/" + name)
	if err == nil {
		err = json.Unmarshal(text, &document)
	}
	if err != nil {
		t.Fatal(err)
	}
	return document
}

type topicVectors struct {
	Build []struct {
		Build          string
		Input          map[string]string
		Topic, Rejects string
	}
	Parse []struct {
		Topic  string
		Parsed map[string]any
	}
}

func optional(ids map[string]string, name string) *string {
	if id, given := ids[name]; given {
		return &id
	}
	return nil
}

func buildA2A(build string, ids map[string]string) (string, error) {
	agent := AgentAddress{ids["org"], ids["unit"], ids["agentId"]}
	pool := PoolAddress{ids["org"], ids["unit"], ids["poolId"]}
	where := AddressPattern{optional(ids, "org"), optional(ids, "unit"), optional(ids, "agentId")}
	switch build {
	case "discovery":
		return DiscoveryTopic(agent)
	case "request":
		return RequestTopic(agent)
	case "event":
		return EventTopic(agent)
	case "reply":
		return ReplyTopic(agent, ids["suffix"])
	case "pool":
		return PoolRequestTopic(pool)
	case "poolSubscription":
		return PoolSubscription(pool)
	case "clientId":
		return agent.ClientID()
	case "discoveryFilter":
		return DiscoveryFilter(where)
	case "requestFilter":
		return RequestFilter(where)
	case "eventFilter":
		return EventFilter(where)
	}
	return "", errors.New("no builder " + build)
}

func buildShoal(build string, input map[string]string) (string, error) {
	if build == "treeFilter" {
		return TreeFilter(input["tree"], optional(input, "org"), optional(input, "unit"))
	}
	ids := map[string]string{}
	for name, id := range input {
		if name != "org" && name != "unit" {
			ids[name] = id
		}
	}
	kind := map[string]string{
		"sessionAll": "session-all", "agentAll": "agent-all", "deviceAll": "device-all", "usageAll": "usage-all",
		"deviceApprovals": "device-approvals",
	}[build]
	if kind == "" {
		kind = build
	}
	if ids["channel"] != "" {
		kind = "telemetry-channel"
	}
	return ShoalTopic(kind, input["org"], input["unit"], ids)
}

func parseA2A(topic string) map[string]any {
	parsed, ok := ParseA2ATopic(topic)
	if !ok {
		return nil
	}
	if parsed.Kind == "pool" {
		return map[string]any{"kind": "pool", "org": parsed.Pool.Org, "unit": parsed.Pool.Unit, "poolId": parsed.Pool.PoolID}
	}
	agent := map[string]any{"org": parsed.Agent.Org, "unit": parsed.Agent.Unit, "agentId": parsed.Agent.AgentID}
	result := map[string]any{"kind": parsed.Kind, "address": agent}
	if parsed.Kind == "reply" {
		result["suffix"] = parsed.Suffix
	}
	return result
}

func parseShoal(topic string) map[string]any {
	parsed, ok := ParseShoalTopic(topic)
	if !ok {
		return nil
	}
	result := map[string]any{"kind": parsed.Kind, "org": parsed.Org, "unit": parsed.Unit}
	for name, id := range parsed.IDs {
		result[name] = id
	}
	return result
}

func TestTopics(t *testing.T) {
	for _, tree := range []struct {
		file  string
		build func(string, map[string]string) (string, error)
		parse func(string) map[string]any
	}{{"a2a-topics.json", buildA2A, parseA2A}, {"shoal-topics.json", buildShoal, parseShoal}} {
		vectors := read[topicVectors](t, tree.file)
		built, parsed := map[string]bool{"telemetry-channel": true}, map[string]bool{}
		for _, vector := range vectors.Build {
			built[vector.Build] = true
			topic, err := tree.build(vector.Build, vector.Input)
			var refused *IdentifierError
			if vector.Rejects != "" {
				if !errors.As(err, &refused) || refused.Field != vector.Rejects {
					t.Errorf("%s %v: %v does not blame %s", vector.Build, vector.Input, err, vector.Rejects)
				}
			} else if err != nil || topic != vector.Topic {
				t.Errorf("%s %v: %s, %v", vector.Build, vector.Input, topic, err)
			}
		}
		for _, vector := range vectors.Parse {
			if kind, _ := vector.Parsed["kind"].(string); kind != "" {
				parsed[kind] = true
			}
			if got := tree.parse(vector.Topic); !reflect.DeepEqual(got, vector.Parsed) {
				t.Errorf("%s: %v", vector.Topic, got)
			}
		}
		for kind := range RecordTopics {
			if tree.file == "shoal-topics.json" && !built[kind] {
				t.Errorf("no vector builds %s", kind)
			}
			if tree.file == "shoal-topics.json" && !parsed[kind] && kind != "telemetry-channel" && kind != "pool-claim" {
				t.Errorf("no vector parses to %s", kind)
			}
		}
	}
}

func TestIdentifiers(t *testing.T) {
	vectors := read[struct {
		Identifiers, AgentIDs, TaskIDs []struct {
			Value      any
			Valid      bool
			Normalized string
		}
		GroupIDs []struct {
			Input            PoolAddress
			GroupID, Rejects string
		}
		GroupLabels []struct{ Label, GroupLabel string }
		ClientIDs   []struct {
			ClientID string
			Address  *AgentAddress
		}
	}](t, "identifiers.json")
	for _, vector := range vectors.Identifiers {
		// What is no string is none already by its type.
		if value, isText := vector.Value.(string); IsIdentifier(value) != vector.Valid && isText {
			t.Errorf("identifier %q: %v", value, !vector.Valid)
		}
	}
	for _, vector := range vectors.AgentIDs {
		if value, _ := vector.Value.(string); (CheckAgentID("agentId", value) == nil) != vector.Valid {
			t.Errorf("agent id %q: %v", value, !vector.Valid)
		}
	}
	for _, vector := range vectors.TaskIDs {
		value, _ := vector.Value.(string)
		if IsTaskID(value) != vector.Valid || vector.Valid && NormalizeTaskID(value) != vector.Normalized {
			t.Errorf("task id %q: %v", value, !vector.Valid)
		}
	}
	for _, vector := range vectors.GroupIDs {
		groupID, err := GroupIDOf(vector.Input)
		var refused *IdentifierError
		if vector.Rejects == "" && (err != nil || groupID != vector.GroupID) {
			t.Errorf("group id of %v: %s, %v", vector.Input, groupID, err)
		} else if vector.Rejects != "" && (!errors.As(err, &refused) || refused.Field != vector.Rejects) {
			t.Errorf("group id of %v: %v does not blame %s", vector.Input, err, vector.Rejects)
		}
	}
	for _, vector := range vectors.GroupLabels {
		if got := GroupLabel(vector.Label); got != vector.GroupLabel {
			t.Errorf("label %q: %q", vector.Label, got)
		}
	}
	for _, vector := range vectors.ClientIDs {
		address, ok := ParseClientID(vector.ClientID)
		if ok != (vector.Address != nil) || ok && address != *vector.Address {
			t.Errorf("client id %q: %v", vector.ClientID, address)
		}
	}
	if len(vectors.Identifiers) == 0 || len(vectors.AgentIDs) == 0 || len(vectors.TaskIDs) == 0 || len(vectors.ClientIDs) == 0 {
		t.Error("a list of vectors is empty")
	}
}

func pairs(raw [][2]string) []UserProperty {
	properties := make([]UserProperty, len(raw))
	for i, pair := range raw {
		properties[i] = UserProperty{pair[0], pair[1]}
	}
	return properties
}

func TestPresence(t *testing.T) {
	vectors := read[struct {
		Vectors []struct {
			Name           string
			UserProperties [][2]string
			PayloadBytes   int
			Expected       Presence
		}
	}](t, "presence.json").Vectors
	for _, vector := range vectors {
		if got := ReadPresence(pairs(vector.UserProperties), vector.PayloadBytes); got != vector.Expected {
			t.Errorf("%s: %v", vector.Name, got)
		}
	}
}

func TestRPCErrors(t *testing.T) {
	vectors := read[struct {
		Send []struct {
			Family, Name string
			Error        any
		}
		Classify []struct {
			Name     string
			Error    JsonRpcError
			Expected ErrorClass
		}
	}](t, "errors.json")
	if len(vectors.Send) != len(RPCErrors) {
		t.Errorf("%d errors in the vectors, %d in the table", len(vectors.Send), len(RPCErrors))
	}
	for _, vector := range vectors.Send {
		sent, err := NewRPCError(vector.Name, "why")
		if got := plain(t, sent); err != nil || !reflect.DeepEqual(got, vector.Error) {
			t.Errorf("%s: %v, %v", vector.Name, got, err)
		}
		if class := ClassifyError(sent); class.Family != vector.Family || class.Name != vector.Name {
			t.Errorf("%s: %v", vector.Name, class)
		}
	}
	for _, vector := range vectors.Classify {
		if got := ClassifyError(vector.Error); got != vector.Expected {
			t.Errorf("%s: %v", vector.Name, got)
		}
	}
}

func TestTaskStates(t *testing.T) {
	vectors := read[struct {
		Vectors []struct {
			State                 string
			Number                int
			Terminal, Interrupted bool
		}
	}](t, "task-states.json").Vectors
	if len(vectors) != len(TaskStates) {
		t.Fatalf("%d states", len(vectors))
	}
	for _, vector := range vectors {
		if TaskStates[vector.Number] != vector.State || IsTerminal(vector.State) != vector.Terminal || IsInterrupted(vector.State) != vector.Interrupted {
			t.Errorf("%s differs", vector.State)
		}
	}
}

func TestServiceParameters(t *testing.T) {
	vectors := read[struct {
		Versions []struct {
			Requested string
			Accepted  *string
		}
		Extensions []struct {
			UserProperties [][2]string
			Extensions     []string
		}
		Bindings []struct {
			ProtocolBinding string
			MQTT            bool
		}
	}](t, "service-parameters.json")
	for _, vector := range vectors.Versions {
		version, ok := NegotiateVersion(vector.Requested)
		if ok != (vector.Accepted != nil) || ok && version != *vector.Accepted {
			t.Errorf("version %q: %q %v", vector.Requested, version, ok)
		}
	}
	for _, vector := range vectors.Extensions {
		if got := ReadExtensions(pairs(vector.UserProperties)); !reflect.DeepEqual(got, vector.Extensions) {
			t.Errorf("extensions of %v: %v", vector.UserProperties, got)
		}
	}
	for _, vector := range vectors.Bindings {
		if IsMQTTBinding(vector.ProtocolBinding) != vector.MQTT {
			t.Errorf("binding %q", vector.ProtocolBinding)
		}
	}
}

func TestMethods(t *testing.T) {
	vectors := read[struct {
		Vectors []struct {
			Method, Params     string
			Result, Capability *string
			Stream             bool
		}
	}](t, "methods.json").Vectors
	if len(vectors) != len(Methods) {
		t.Fatalf("%d methods", len(vectors))
	}
	text := func(value *string) string {
		if value == nil {
			return ""
		}
		return strings.Clone(*value)
	}
	for i, vector := range vectors {
		want := Method{vector.Method, vector.Params, text(vector.Result), vector.Stream, text(vector.Capability)}
		if Methods[i] != want {
			t.Errorf("%v, not %v", Methods[i], want)
		}
	}
}

// plain is the value as any JSON reader has it.
func plain(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	var result any
	if err == nil {
		err = json.Unmarshal(text, &result)
	}
	if err != nil {
		t.Fatal(err)
	}
	return result
}
