package protocol

import "strings"

// Violation is one thing that is wrong with a document. Field is a dotted and indexed path, message.parts[0].text;
// empty for the document itself.
type Violation struct {
	Field   string
	Message string
}

func (v Violation) String() string {
	if v.Field == "" {
		return "document " + v.Message
	}
	return v.Field + " " + v.Message
}

// IdentifierError says which id is none, and why.
type IdentifierError struct {
	Field   string
	Message string
}

func (e *IdentifierError) Error() string { return e.Field + " " + e.Message }

// DocumentError names every field of a document that is at fault.
type DocumentError struct {
	Document   string
	Violations []Violation
}

func (e *DocumentError) Error() string {
	texts := make([]string, len(e.Violations))
	for i, violation := range e.Violations {
		texts[i] = violation.String()
	}
	return e.Document + ": " + strings.Join(texts, "; ")
}
