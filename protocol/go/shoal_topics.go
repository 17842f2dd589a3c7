package protocol

import (
	"fmt"
	"slices"
	"strings"
)

// The shoal/v1 tree: records of sessions, agents, devices and hosts. One table builds and parses.
const (
	shoalRoot   = "shoal/v1"
	sessionPath = "session/{sessionId}"
	stepPath    = sessionPath + "/step/{stepId}"
	agentPath   = "agent/{agentId}"
	devicePath  = "device/{deviceId}"
	hostPath    = "host/{hostId}"
)

// RecordTopics: what a record is called, and its topic below shoal/v1/{org}/{unit}.
var RecordTopics = map[string]string{
	"session":               sessionPath,
	"control":               sessionPath + "/control",
	"pause":                 sessionPath + "/control/pause",
	"extend":                sessionPath + "/control/extend",
	"purge":                 sessionPath + "/control/purge",
	"outcome":               sessionPath + "/outcome",
	"claim":                 sessionPath + "/claim",
	"caller":                sessionPath + "/caller/{hash}",
	"attempt":               stepPath + "/attempt",
	"status":                stepPath + "/status",
	"intent":                stepPath + "/intent",
	"result":                stepPath + "/result",
	"items":                 stepPath + "/items",
	"approval":              stepPath + "/approval",
	"decision":              stepPath + "/decision",
	"desired":               agentPath + "/desired",
	"state":                 agentPath + "/state",
	"agent-attempt":         agentPath + "/attempt",
	"task":                  agentPath + "/task/{taskId}",
	"reasoning":             agentPath + "/reasoning/{reasoningId}",
	"usage":                 "usage/{scope}/{scopeId}/{agentId}",
	"trigger":               "trigger/{workflowId}/{triggerId}/{hash}",
	"canary":                "broker/canary",
	"writer":                "writer/{writerId}",
	"spawn":                 "spawn",
	"host":                  hostPath,
	"host-order":            hostPath + "/order",
	"host-event":            hostPath + "/event",
	"telemetry":             devicePath + "/telemetry",
	"telemetry-channel":     devicePath + "/telemetry/{channel}",
	"tool-approval":         devicePath + "/approval/{approvalId}",
	"device-command":        devicePath + "/command/{commandId}",
	"device-command-cancel": devicePath + "/command/{commandId}/cancel",
	"device-command-status": devicePath + "/command/{commandId}/status",
	"pool-claim":            "pool/{poolId}/claim",
}

// RecordFilters are subscription filters below shoal/v1/{org}/{unit}.
var RecordFilters = map[string]string{
	"callers":          sessionPath + "/caller/+",
	"session-all":      sessionPath + "/#",
	"agent-all":        agentPath + "/#",
	"device-all":       devicePath + "/#",
	"device-approvals": devicePath + "/approval/+",
	"device-commands":  devicePath + "/command/#",
	"usage-all":        "usage/{scope}/{scopeId}/+",
}

var usageScopes = []string{"day", "session"}

// ShoalTopicParts is a parsed topic. Kind is a key of RecordTopics (a channel's telemetry is telemetry too); IDs are its
// other levels by name.
type ShoalTopicParts struct {
	Kind, Org, Unit string
	IDs             map[string]string
}

// ShoalTopic is the topic of a record, or a filter. The error is an *IdentifierError, or says which id is missing or too
// many for that kind.
func ShoalTopic(kind, org, unit string, ids map[string]string) (string, error) {
	template, known := RecordTopics[kind]
	if !known {
		if template, known = RecordFilters[kind]; !known {
			return "", fmt.Errorf("no record or filter is called %q", kind)
		}
	}
	levels := []string{shoalRoot, org, unit}
	used := 0
	for _, level := range strings.Split(template, "/") {
		if name, isID := idName(level); isID {
			id, given := ids[name]
			if !given {
				return "", fmt.Errorf("%s needs %s", kind, name)
			}
			if err := checkLevel(name, id); err != nil {
				return "", err
			}
			level = id
			used++
		}
		levels = append(levels, level)
	}
	if used != len(ids) {
		return "", fmt.Errorf("%s takes the ids of %s alone", kind, template)
	}
	if err := CheckIdentifier("org", org); err != nil {
		return "", err
	}
	return strings.Join(levels, "/"), CheckIdentifier("unit", unit)
}

// TreeFilter matches everything below session, agent, device, trigger, host or writer, in one unit, one org or (nil) everywhere.
func TreeFilter(tree string, org, unit *string) (string, error) {
	if !slices.Contains([]string{"session", "agent", "device", "trigger", "host", "writer"}, tree) {
		return "", fmt.Errorf("tree %q must be one of session, agent, device, trigger, host, writer", tree)
	}
	levels := []string{shoalRoot, "+", "+", tree, "#"}
	for i, id := range []*string{org, unit} {
		if id == nil {
			continue
		}
		if err := CheckIdentifier([]string{"org", "unit"}[i], *id); err != nil {
			return "", err
		}
		levels[i+1] = *id
	}
	return strings.Join(levels, "/"), nil
}

// ParseShoalTopic returns false for a topic that is not of this tree or whose ids are not identifiers.
func ParseShoalTopic(topic string) (ShoalTopicParts, bool) {
	levels := strings.Split(topic, "/")
	if len(levels) < 5 || levels[0] != "shoal" || levels[1] != "v1" || !all(levels[2:], IsIdentifier) {
		return ShoalTopicParts{}, false
	}
	for kind, template := range RecordTopics {
		// Members of a pool alone use their claims.
		if kind == "pool-claim" {
			continue
		}
		if ids, ok := match(strings.Split(template, "/"), levels[4:]); ok {
			if kind == "telemetry-channel" {
				kind = "telemetry"
			}
			return ShoalTopicParts{kind, levels[2], levels[3], ids}, true
		}
	}
	return ShoalTopicParts{}, false
}

func match(template, levels []string) (map[string]string, bool) {
	if len(template) != len(levels) {
		return nil, false
	}
	ids := map[string]string{}
	for i, wanted := range template {
		name, isID := idName(wanted)
		if isID && checkLevel(name, levels[i]) == nil {
			ids[name] = levels[i]
		} else if isID || wanted != levels[i] {
			return nil, false
		}
	}
	return ids, true
}

func checkLevel(name, id string) error {
	if name == "agentId" {
		return CheckAgentID(name, id)
	}
	if name == "scope" && !slices.Contains(usageScopes, id) {
		return &IdentifierError{name, fmt.Sprintf("must be one of %s; is %q", strings.Join(usageScopes, ", "), id)}
	}
	return CheckIdentifier(name, id)
}

func idName(level string) (string, bool) {
	name, isID := strings.CutPrefix(level, "{")
	return strings.TrimSuffix(name, "}"), isID
}

func all(values []string, is func(string) bool) bool {
	return !slices.ContainsFunc(values, func(value string) bool { return !is(value) })
}
