package protocol

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

const (
	bundleID      = "urn:shoal:schema:v1"
	maxViolations = 25
)

//go:embed shoal.schema.json
var bundleText []byte

var (
	english       = message.NewPrinter(language.English)
	unicodeEscape = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)
	plainKey      = regexp.MustCompile(`^[A-Za-z_$@][A-Za-z0-9_$@-]*$`)
	bundle        = sync.OnceValue(func() map[string]any {
		return must(jsonschema.UnmarshalJSON(bytes.NewReader(bundleText))).(map[string]any)
	})
	compiled sync.Map
)

// Validate checks a value as encoding/json decodes it into an any (numbers float64 or json.Number): empty when it is a
// document of that name, a definition of shoal.schema.json. Unknown fields pass. At most 25 violations, one for each field.
func Validate(document string, value any) ([]Violation, error) {
	schema, err := schemaOf(document)
	if err != nil {
		return nil, err
	}
	var invalid *jsonschema.ValidationError
	if err = schema.Validate(value); err == nil {
		return nil, nil
	} else if !errors.As(err, &invalid) {
		return nil, err
	}
	found := []Violation{}
	for _, violation := range complaints(invalid, value) {
		known := slices.ContainsFunc(found, func(other Violation) bool { return other.Field == violation.Field })
		if !known && len(found) < maxViolations {
			found = append(found, violation)
		}
	}
	return found, nil
}

// Decode reads JSON text into target, a pointer to a type of this package, after checking it as a document of that name.
// The error is a *DocumentError when the document is at fault. Types keep no unknown fields: who hands a document on, hands
// on its bytes.
func Decode(document string, payload []byte, target any) error {
	payload = bytes.TrimPrefix(payload, []byte("\xef\xbb\xbf"))
	value, err := parse(document, payload)
	if err != nil {
		return err
	}
	violations, err := Validate(document, value)
	if err != nil {
		return err
	}
	if len(violations) > 0 {
		return &DocumentError{document, violations}
	}
	return json.Unmarshal(payload, target)
}

// Encode gives JSON text, ready to publish, of a value of this package. Strict, for writers: the schema, and what readers
// forgive: empty REQUIRED fields, times not in UTC, UNSPECIFIED. The error is a *DocumentError that names every field.
func Encode(document string, value any) ([]byte, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	plain, err := parse(document, text)
	if err != nil {
		return nil, err
	}
	violations, err := Validate(document, plain)
	if err != nil {
		return nil, err
	}
	if len(violations) == 0 {
		violations = brokenWriteRules(definition(document), plain, "")
	}
	if len(violations) > 0 {
		return nil, &DocumentError{document, violations}
	}
	return text, nil
}

func parse(document string, payload []byte) (any, error) {
	if !utf8.Valid(payload) {
		return nil, &DocumentError{document, []Violation{{"", "is not UTF-8: encode the JSON text as UTF-8"}}}
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(payload))
	if err != nil {
		return nil, &DocumentError{document, []Violation{{"", "is not JSON: mend the syntax (" + err.Error() + ")"}}}
	}
	return value, nil
}

func schemaOf(document string) (*jsonschema.Schema, error) {
	if schema, known := compiled.Load(document); known {
		return schema.(*jsonschema.Schema), nil
	}
	if definition(document) == nil {
		return nil, fmt.Errorf("no schema is named %q", document)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseRegexpEngine(ecmaRegexp)
	if err := compiler.AddResource(bundleID, bundle()); err != nil {
		return nil, err
	}
	schema, err := compiler.Compile(bundleID + "#/$defs/" + document)
	if err == nil {
		compiled.Store(document, schema)
	}
	return schema, err
}

type pattern struct{ *regexp.Regexp }

// ecmaRegexp compiles a pattern as the schemas have it, in ECMAScript, whose \u0000 RE2 does not know.
func ecmaRegexp(source string) (jsonschema.Regexp, error) {
	compiled, err := regexp.Compile(unicodeEscape.ReplaceAllString(source, `\x{$1}`))
	return pattern{compiled}, err
}

func definition(name string) map[string]any {
	found, _ := bundle()["$defs"].(map[string]any)[name].(map[string]any)
	return found
}

// complaints gives the fields at fault. Of alternatives, those of the branch that comes closest stand for the whole.
func complaints(invalid *jsonschema.ValidationError, document any) []Violation {
	field := pathOf(invalid.InstanceLocation, document)
	switch found := invalid.ErrorKind.(type) {
	case *kind.Required:
		return each(found.Missing, func(name string) Violation { return Violation{step(field, name), "is required: add it"} })
	case *kind.AdditionalProperties:
		return each(found.Properties, func(name string) Violation {
			return Violation{step(field, name), "is not known here: remove it or correct its name"}
		})
	case *kind.PropertyNames:
		return []Violation{{step(field, found.Property), "has a name that breaks the rule for names here"}}
	case *kind.OneOf, *kind.AnyOf:
		if members := requiredMembers(invalid.SchemaURL); members != nil {
			has := slices.DeleteFunc(slices.Clone(members), func(name string) bool {
				_, present := valueAt(invalid.InstanceLocation, document).(map[string]any)[name]
				return !present
			})
			if len(has) == 0 {
				has = []string{"none"}
			}
			return []Violation{{field, "must have exactly one of " + strings.Join(members, ", ") + "; has " + strings.Join(has, " and ")}}
		}
		if closest := closest(invalid, document); closest != nil {
			return closest
		}
		return []Violation{{field, "matches none of the allowed forms"}}
	}
	if len(invalid.Causes) == 0 {
		return []Violation{{field, invalid.ErrorKind.LocalizedString(english)}}
	}
	all := []Violation{}
	for _, cause := range invalid.Causes {
		all = append(all, complaints(cause, document)...)
	}
	return all
}

func closest(invalid *jsonschema.ValidationError, document any) []Violation {
	var best []Violation
	for _, branch := range invalid.Causes {
		if _, wrongKind := branch.ErrorKind.(*kind.Type); wrongKind && slices.Equal(branch.InstanceLocation, invalid.InstanceLocation) {
			continue
		}
		if found := complaints(branch, document); best == nil || len(found) < len(best) {
			best = found
		}
	}
	return best
}

// requiredMembers are those of which exactly one must be there: oneOf whose branches say `required` and nothing else.
func requiredMembers(schemaURL string) []string {
	_, pointer, _ := strings.Cut(schemaURL, "#/")
	var at any = bundle()
	for _, token := range strings.Split(strings.TrimSuffix(pointer, "/oneOf"), "/") {
		object, isObject := at.(map[string]any)
		if !isObject {
			return nil
		}
		at = object[token]
	}
	schema, _ := at.(map[string]any)
	branches, _ := schema["oneOf"].([]any)
	var members []string
	for _, branch := range branches {
		required, _ := branch.(map[string]any)["required"].([]any)
		if len(required) != 1 || len(branch.(map[string]any)) != 1 {
			return nil
		}
		members = append(members, required[0].(string))
	}
	return members
}

func valueAt(location []string, document any) any {
	for _, token := range location {
		switch container := document.(type) {
		case map[string]any:
			document = container[token]
		case []any:
			index, _ := strconv.Atoi(token)
			document = container[index]
		}
	}
	return document
}

func pathOf(location []string, document any) string {
	path := ""
	for i, token := range location {
		if _, isArray := valueAt(location[:i], document).([]any); isArray {
			path += "[" + token + "]"
		} else {
			path = step(path, token)
		}
	}
	return path
}

// step appends to a path: a.b, a["odd key"].
func step(base, name string) string {
	if !plainKey.MatchString(name) {
		return base + "[" + string(must(json.Marshal(name))) + "]"
	}
	return strings.TrimPrefix(base+"."+name, ".")
}

// brokenWriteRules reads the keyword x-shoal-write; it expects a value that already matches its schema.
func brokenWriteRules(schema map[string]any, value any, field string) []Violation {
	rule, _ := schema["x-shoal-write"].(string)
	if ref, isRef := schema["$ref"].(string); isRef {
		schema = definition(strings.TrimPrefix(ref, "#/$defs/"))
		if own, has := schema["x-shoal-write"].(string); has {
			rule = own
		}
	}
	found := []Violation{}
	if complaint := writeComplaint(rule, value); complaint != "" {
		found = append(found, Violation{field, complaint})
	}
	switch container := value.(type) {
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		for name, member := range container {
			inner, known := properties[name].(map[string]any)
			if !known {
				inner, known = schema["additionalProperties"].(map[string]any)
			}
			if known {
				found = append(found, brokenWriteRules(inner, member, step(field, name))...)
			}
		}
	case []any:
		if items, known := schema["items"].(map[string]any); known {
			for i, item := range container {
				found = append(found, brokenWriteRules(items, item, fmt.Sprintf("%s[%d]", field, i))...)
			}
		}
	}
	return found
}

func writeComplaint(rule string, value any) string {
	text, _ := value.(string)
	switch {
	case rule == "non-empty" && isEmpty(value):
		return "must not be empty: fill it (readers that drop defaults lose it)"
	case rule == "utc" && !strings.HasSuffix(text, "Z"):
		return "must be in UTC: write it with Z, not with an offset"
	case rule == "specified" && strings.HasSuffix(text, "_UNSPECIFIED"):
		return "must say a value: choose one other than UNSPECIFIED"
	}
	return ""
}

func isEmpty(value any) bool {
	reflected := reflect.ValueOf(value)
	switch reflected.Kind() {
	case reflect.String, reflect.Slice, reflect.Map:
		return reflected.Len() == 0
	}
	return false
}

func each(names []string, violation func(string) Violation) []Violation {
	all := make([]Violation, len(names))
	for i, name := range names {
		all[i] = violation(name)
	}
	return all
}

// must is for what is embedded and cannot fail.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
