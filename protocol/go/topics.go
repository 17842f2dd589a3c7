package protocol

import "strings"

// The $a2a/v1 tree of the A2A-over-MQTT profile 0.1.
const a2aRoot = "$a2a/v1"

// AgentAddress names an agent. Its Path is also its MQTT client id.
type AgentAddress struct {
	Org     string `json:"org"`
	Unit    string `json:"unit"`
	AgentID string `json:"agentId"`
}

// PoolAddress names a pool of agents.
type PoolAddress struct {
	Org    string `json:"org"`
	Unit   string `json:"unit"`
	PoolID string `json:"poolId"`
}

// AddressPattern says where to look; what is empty matches everything at its level.
type AddressPattern struct {
	Org, Unit, AgentID *string
}

// A2ATopic is a parsed topic. Kind is discovery, request, event, reply or pool; Suffix belongs to reply, Pool to pool.
type A2ATopic struct {
	Kind   string
	Agent  AgentAddress
	Suffix string
	Pool   PoolAddress
}

func (a AgentAddress) check() error {
	if err := CheckIdentifier("org", a.Org); err != nil {
		return err
	}
	if err := CheckIdentifier("unit", a.Unit); err != nil {
		return err
	}
	return CheckAgentID("agentId", a.AgentID)
}

func (p PoolAddress) check() error {
	if err := CheckIdentifier("org", p.Org); err != nil {
		return err
	}
	if err := CheckIdentifier("unit", p.Unit); err != nil {
		return err
	}
	return CheckIdentifier("poolId", p.PoolID)
}

// ClientID is {org}/{unit}/{agentId}.
func (a AgentAddress) ClientID() (string, error) {
	return a.Org + "/" + a.Unit + "/" + a.AgentID, a.check()
}

// DiscoveryTopic is where the retained Agent Card lies.
func DiscoveryTopic(address AgentAddress) (string, error) { return ofAgent("discovery", address) }

// RequestTopic is where an agent gets its requests.
func RequestTopic(address AgentAddress) (string, error) { return ofAgent("request", address) }

// EventTopic is where an agent announces to whoever listens.
func EventTopic(address AgentAddress) (string, error) { return ofAgent("event", address) }

// ReplyTopic belongs to the requester, whose address it takes; suffix should be hard to guess.
func ReplyTopic(address AgentAddress, suffix string) (string, error) {
	topic, err := ofAgent("reply", address)
	if err != nil {
		return "", err
	}
	return topic + "/" + suffix, CheckIdentifier("suffix", suffix)
}

// PoolRequestTopic is where any one member of a pool takes a request.
func PoolRequestTopic(pool PoolAddress) (string, error) {
	return a2aRoot + "/request/" + pool.Org + "/" + pool.Unit + "/pool/" + pool.PoolID, pool.check()
}

// PoolSubscription is what the members of a pool subscribe to.
func PoolSubscription(pool PoolAddress) (string, error) {
	group, err := GroupIDOf(pool)
	if err != nil {
		return "", err
	}
	topic, err := PoolRequestTopic(pool)
	return "$share/" + group + "/" + topic, err
}

// DiscoveryFilter matches the cards of all agents that match.
func DiscoveryFilter(where AddressPattern) (string, error) { return filter("discovery", where) }

// RequestFilter matches requests to every agent that matches; pools have one level more and do not.
func RequestFilter(where AddressPattern) (string, error) { return filter("request", where) }

// EventFilter matches what all agents that match announce.
func EventFilter(where AddressPattern) (string, error) { return filter("event", where) }

// ParseClientID tells whose client id this is; false when it is no agent's.
func ParseClientID(clientID string) (AgentAddress, bool) {
	return addressFrom(strings.Split(clientID, "/"))
}

// ParseA2ATopic returns false for a topic that is not of this tree or whose ids are not identifiers.
func ParseA2ATopic(topic string) (A2ATopic, bool) {
	levels := strings.Split(topic, "/")
	if len(levels) < 6 || levels[0] != "$a2a" || levels[1] != "v1" {
		return A2ATopic{}, false
	}
	kind, levels := levels[2], levels[3:]
	switch {
	case kind == "request" && len(levels) == 4:
		pool := PoolAddress{levels[0], levels[1], levels[3]}
		return A2ATopic{Kind: "pool", Pool: pool}, levels[2] == "pool" && pool.check() == nil
	case kind == "reply" && len(levels) == 4:
		agent, ok := addressFrom(levels[:3])
		return A2ATopic{Kind: kind, Agent: agent, Suffix: levels[3]}, ok && IsIdentifier(levels[3])
	case kind == "discovery" || kind == "request" || kind == "event":
		agent, ok := addressFrom(levels)
		return A2ATopic{Kind: kind, Agent: agent}, ok
	}
	return A2ATopic{}, false
}

func ofAgent(kind string, address AgentAddress) (string, error) {
	path, err := address.ClientID()
	return a2aRoot + "/" + kind + "/" + path, err
}

func filter(kind string, where AddressPattern) (string, error) {
	levels := []string{a2aRoot, kind, "+", "+", "+"}
	for i, id := range []*string{where.Org, where.Unit, where.AgentID} {
		if id == nil {
			continue
		}
		check := CheckIdentifier
		if i == 2 {
			check = CheckAgentID
		}
		if err := check([]string{"org", "unit", "agentId"}[i], *id); err != nil {
			return "", err
		}
		levels[i+2] = *id
	}
	return strings.Join(levels, "/"), nil
}

func addressFrom(levels []string) (AgentAddress, bool) {
	if len(levels) != 3 {
		return AgentAddress{}, false
	}
	address := AgentAddress{levels[0], levels[1], levels[2]}
	return address, address.check() == nil
}
