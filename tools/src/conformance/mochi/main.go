// Starts mochi-mqtt for the conformance check: as it is on the first address, and on the second with one fault mended.
package main

import (
	"bytes"
	"log/slog"
	"os"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// mochi 2.7.9 acknowledges a publish that has user properties with reason code 0x01, which PUBACK does not have (MQTT 5 §3.4.2.1),
// and returns the properties. MQTT.js ends such a connection.
type mend struct{ mqtt.HookBase }

func (mend) ID() string { return "mend" }

func (mend) Provides(hook byte) bool {
	return bytes.Contains([]byte{mqtt.OnPacketEncode}, []byte{hook})
}

func (mend) OnPacketEncode(client *mqtt.Client, packet packets.Packet) packets.Packet {
	if client.Net.Listener == "mended" && packet.FixedHeader.Type == packets.Puback && packet.ReasonCode == 1 {
		packet.ReasonCode = 0
		packet.Properties = packets.Properties{}
	}
	return packet
}

func must(err error) {
	if err != nil {
		slog.Error(err.Error())
		os.Exit(1)
	}
}

func main() {
	server := mqtt.New(nil)
	must(server.AddHook(new(auth.AllowHook), nil))
	must(server.AddHook(new(mend), nil))
	must(server.AddListener(listeners.NewTCP(listeners.Config{ID: "raw", Address: os.Args[1]})))
	must(server.AddListener(listeners.NewTCP(listeners.Config{ID: "mended", Address: os.Args[2]})))
	must(server.Serve())
	select {}
}
