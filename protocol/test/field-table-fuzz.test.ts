/** The validators against documents made from the field table alone, not from the schemas. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DOCUMENTS, validateDocument, type DocumentName } from '../src/index.ts';
import { ENUMS, MESSAGES } from './a2a-field-table.ts';
import { parseTable, type Field } from './field-table.ts';

const table = parseTable(MESSAGES);
const types = DOCUMENTS.filter((name) => name in table);
const runs = { numRuns: 40, seed: 20260301 };

type Made = Record<string, unknown>;

function scalar(type: string, depth: number): fc.Arbitrary<unknown> {
  if (type === 'string') return fc.string({ minLength: 1, maxLength: 8 });
  if (type === 'bool') return fc.boolean();
  if (type === 'int32') return fc.integer({ min: 1, max: 100 });
  if (type === 'bytes') return fc.base64String({ maxLength: 12 });
  if (type === 'Timestamp')
    return fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
      .map((d) => d.toISOString());
  if (type === 'Struct')
    return fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 2 });
  if (type === 'Value') return fc.jsonValue({ maxDepth: 2 });
  if (type in ENUMS) return fc.constantFrom(...ENUMS[type]!);
  return message(type, depth + 1);
}

function fieldValue({ kind, type }: Field, depth: number): fc.Arbitrary<unknown> {
  if (kind === 'array') return fc.array(scalar(type, depth), { minLength: 1, maxLength: 2 });
  if (kind === 'map') return fc.dictionary(fc.string({ maxLength: 6 }), scalar(type, depth), { maxKeys: 2 });
  return scalar(type, depth);
}

/** A valid message: all REQUIRED fields, one member of a oneof, optional fields at random and few of them deep down. */
function message(type: string, depth = 0): fc.Arbitrary<Made> {
  const fields = Object.entries(table[type]!);
  const members = membersOf(type);
  const chosen = members.length === 0 ? fc.constant(undefined) : fc.constantFrom(...members);
  return chosen.chain((member) => {
    const wanted = fields.filter(([name, { oneof }]) => oneof === undefined || name === member);
    const optional = wanted
      .filter(([name, { required }]) => !required && name !== member)
      .map(([name]) => name);
    return fc.subarray(optional, { maxLength: depth > 1 ? 0 : optional.length }).chain((kept) => {
      const present = wanted.filter(([name]) => !optional.includes(name) || kept.includes(name));
      return fc.record(Object.fromEntries(present.map(([name, field]) => [name, fieldValue(field, depth)])));
    });
  });
}

const wrongFor: Readonly<Record<string, unknown>> = {
  string: 7,
  bool: 'true',
  int32: '7',
  bytes: 'not base64!',
  Timestamp: 'yesterday',
  Struct: [],
};

function wrongValue({ kind, type }: Field): unknown {
  if (kind !== 'one') return 'neither a list nor a map';
  return type in ENUMS ? 'WORKING' : (wrongFor[type] ?? 'no object');
}

function fieldsAtFault(type: DocumentName, document: unknown): readonly string[] {
  const result = validateDocument(type, document);
  return result.ok ? [] : result.violations.map(({ field }) => field);
}

function membersOf(type: string): readonly string[] {
  return Object.entries(table[type]!)
    .filter(([, field]) => field.oneof !== undefined)
    .map(([name]) => name);
}

describe.each(types)('%s', (type) => {
  const fields = Object.entries(table[type]!);
  const required = fields.filter(([, field]) => field.required);
  const typed = fields.filter(([, field]) => field.type !== 'Value');

  it('accepts every document that the table allows, with unknown fields too, and keeps them', () => {
    fc.assert(
      fc.property(message(type), (made) => {
        const document = { ...made, fieldOfALaterVersion: { a: 1 } };
        expect(validateDocument(type, document)).toEqual({ ok: true, value: document });
      }),
      runs,
    );
  });

  it.each(required)('names %s when it is missing', (name) => {
    fc.assert(
      fc.property(message(type), ({ [name]: _dropped, ...rest }) => {
        expect(fieldsAtFault(type, rest)).toEqual([name]);
      }),
      runs,
    );
  });

  it.each(typed)('names %s when it is of another type, or null', (name, field) => {
    fc.assert(
      fc.property(message(type), fc.constantFrom(wrongValue(field), null), (made, wrong) => {
        expect(fieldsAtFault(type, { ...made, [name]: wrong })).toContain(name);
      }),
      runs,
    );
  });
});

describe.each(types.filter((type) => membersOf(type).length > 0))('%s', (type) => {
  const members = membersOf(type);

  it('refuses a oneof with no member or two', () => {
    fc.assert(
      fc.property(message(type), message(type), (one, other) => {
        const none = Object.fromEntries(Object.entries(one).filter(([name]) => !members.includes(name)));
        const both = { ...one, ...other };
        const count = members.filter((member) => member in both).length;
        expect(fieldsAtFault(type, none)).toEqual(['']);
        expect(fieldsAtFault(type, both)).toEqual(count === 1 ? [] : ['']);
      }),
      runs,
    );
  });
});
