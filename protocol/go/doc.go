// Package protocol is A2A 1.0 as spoken over MQTT 5 (profile 0.1), and the records that Shoal keeps on the broker:
// types, validation, topics, presence and error tables. Pure: no I/O, no clock.
package protocol

//go:generate go run github.com/atombender/go-jsonschema@v0.24.1 --package protocol --tags json --only-models --disable-custom-types-for-maps --disable-omitzero --output models.go models.schema.json
//go:generate gofmt -w models.go
