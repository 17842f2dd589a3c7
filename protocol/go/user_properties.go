package protocol

import (
	"regexp"
	"slices"
	"strings"
)

// UserProperty is one MQTT 5 user property; lists of them are in the order of the packet.
type UserProperty struct {
	Key, Value string
}

// How an Agent Card names this binding in supportedInterfaces[].protocolBinding: our URI, or the label of the profile's SDK.
const (
	A2AVersion       = "1.0"
	MQTTBindingURI   = "urn:shoal:a2a-over-mqtt:0.1"
	MQTTBindingLabel = "MQTTv5+JSONRPCv2"
)

var version1 = regexp.MustCompile(`^1\.0(\.[0-9]+)?$`)

// UserPropertyValues are all values of a property, in order. Names compare without regard to case (A2A §12.3).
func UserPropertyValues(properties []UserProperty, name string) []string {
	values := []string{}
	for _, property := range properties {
		if strings.EqualFold(property.Key, name) {
			values = append(values, property.Value)
		}
	}
	return values
}

// ReadExtensions gives the URIs of a2a-extensions.
func ReadExtensions(properties []UserProperty) []string {
	uris := []string{}
	for _, value := range UserPropertyValues(properties, "a2a-extensions") {
		for _, uri := range strings.Split(value, ",") {
			if uri = strings.TrimSpace(uri); uri != "" {
				uris = append(uris, uri)
			}
		}
	}
	return uris
}

// NegotiateVersion returns false when the version is not spoken here: answer VersionNotSupported. Empty counts as 1.0.
func NegotiateVersion(requested string) (string, bool) {
	return A2AVersion, requested == "" || version1.MatchString(requested)
}

// IsMQTTBinding tells whether an interface of an Agent Card means this binding.
func IsMQTTBinding(protocolBinding string) bool {
	return strings.EqualFold(protocolBinding, MQTTBindingURI) || strings.EqualFold(protocolBinding, MQTTBindingLabel)
}

// Presence of an agent. Status: online, offline, unknown (a card that says nothing) or unregistered (the card was deleted).
// Source is kept as received, but emqx reads broker. Authority is what it counts as: agent, lwt or broker.
type Presence struct {
	Status    string `json:"status"`
	Source    string `json:"source"`
	Authority string `json:"authority"`
}

// ReadPresence reads presence off a discovery message. Advisory: suspect, probe, then act (profile: Presence Subscriber).
// A repeated a2a-status is decided for the broker's when a source says so, and for the first otherwise. A zero-byte payload
// unregisters, whatever its properties say: some publish it as their will.
func ReadPresence(properties []UserProperty, payloadBytes int) Presence {
	statuses := UserPropertyValues(properties, "a2a-status")
	sources := UserPropertyValues(properties, "a2a-status-source")
	byBroker := slices.IndexFunc(sources, func(source string) bool { return source == "broker" || source == "emqx" })
	presence := Presence{Status: "unknown", Source: "agent", Authority: "agent"}
	switch {
	case byBroker >= 0:
		presence.Source = "broker"
	case len(sources) > 0:
		presence.Source = sources[0]
	}
	if presence.Source == "broker" || presence.Source == "lwt" {
		presence.Authority = presence.Source
	}
	at := 0
	if byBroker > 0 && byBroker < len(statuses) {
		at = byBroker
	}
	if payloadBytes == 0 {
		presence.Status = "unregistered"
	} else if at < len(statuses) && (statuses[at] == "online" || statuses[at] == "offline") {
		presence.Status = statuses[at]
	}
	return presence
}
