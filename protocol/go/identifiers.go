package protocol

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

// IdentifierPattern is what org, unit, agent, pool, group, session, step, task and device ids match.
const IdentifierPattern = `^[A-Za-z0-9_.-]+$`

const maxGroupIDLength = 64

var (
	identifier = regexp.MustCompile(IdentifierPattern)
	uuid4      = regexp.MustCompile(`(?i)^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	notLabel   = regexp.MustCompile(`[^A-Za-z0-9._]`)
)

// IsIdentifier tells whether the profile takes value as an id.
func IsIdentifier(value string) bool { return identifier.MatchString(value) }

// CheckIdentifier returns an *IdentifierError that blames field.
func CheckIdentifier(field, value string) error {
	if IsIdentifier(value) {
		return nil
	}
	return &IdentifierError{field, strconv.Quote(value) + " is not an identifier: use one or more of A-Z a-z 0-9 _ . -"}
}

// CheckAgentID does as CheckIdentifier; it also refuses pool, which names the level below which pools live.
func CheckAgentID(field, value string) error {
	if value == "pool" {
		return &IdentifierError{field, `"pool" is reserved for pool topics: choose another id`}
	}
	return CheckIdentifier(field, value)
}

// IsTaskID tells whether a requester may choose value as Task.id: UUID version 4, in either case.
func IsTaskID(value string) bool { return uuid4.MatchString(value) }

// NormalizeTaskID gives the form to store and compare.
func NormalizeTaskID(taskID string) string { return strings.ToLower(taskID) }

// GroupIDOf is the consumer group of a pool. Over 64 characters: the first 51, a dot, and 12 hex digits of the SHA-256.
func GroupIDOf(pool PoolAddress) (string, error) {
	if err := pool.check(); err != nil {
		return "", err
	}
	full := "a2a." + pool.Org + "." + pool.Unit + "." + pool.PoolID
	if len(full) <= maxGroupIDLength {
		return full, nil
	}
	sum := sha256.Sum256([]byte(full))
	return full[:51] + "." + hex.EncodeToString(sum[:])[:12], nil
}

// GroupLabel makes a label from outside fit for a group id: what is not in A-Z a-z 0-9 . _ becomes _.
func GroupLabel(label string) string { return notLabel.ReplaceAllString(label, "_") }
