import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { documentOf, plainDefinitions, type Schemas } from '../scripts/schema-bundle.ts';
import { DOCUMENTS, METHODS } from '../src/index.ts';
import * as a2a from '../src/schemas/a2a.ts';
import { ENUMS, MESSAGES, SERVICE, STRICTER } from './a2a-field-table.ts';
import { constraintsOf, mapValues, parseTable, tableOfSchemas, withoutPresence } from './field-table.ts';
import { readProto } from './proto-table.ts';

const defined = plainDefinitions();
const messageSchemas: Schemas = Object.fromEntries(
  Object.keys(MESSAGES).map((name) => [name, defined[name]!]),
);
const table = parseTable(MESSAGES);

describe('the schemas hold exactly what the data model of A2A 1.0 has', () => {
  it('47 types: 44 messages, 2 enumerations and a service of 11 methods', () => {
    expect(Object.keys(a2a).toSorted()).toEqual([...Object.keys(MESSAGES), ...Object.keys(ENUMS)].toSorted());
    expect([Object.keys(MESSAGES).length, Object.keys(ENUMS).length, Object.keys(SERVICE).length]).toEqual([
      44, 2, 11,
    ]);
  });

  it.each(Object.keys(MESSAGES))('%s: no field, requirement or oneof is missing or extra', (name) => {
    expect(tableOfSchemas(messageSchemas)[name]).toEqual(withoutPresence(table)[name]);
  });

  it('every type that the table mentions is defined in it', () => {
    const scalars = ['string', 'bool', 'int32', 'bytes', 'Timestamp', 'Struct', 'Value'];
    const known = new Set([...scalars, ...Object.keys(MESSAGES), ...Object.keys(ENUMS)]);
    const mentioned = Object.values(table).flatMap((fields) => Object.values(fields).map(({ type }) => type));
    expect(mentioned.filter((type) => !known.has(type))).toEqual([]);
  });

  it.each(Object.keys(ENUMS))('%s has the same values', (name) => {
    expect(defined[name]).toMatchObject({ type: 'string', enum: ENUMS[name] });
  });

  it('the methods take and give the same types', () => {
    const ours = mapValues(METHODS, ({ params, result, stream }) => [
      params,
      `${stream ? 'stream ' : ''}${result ?? 'Empty'}`,
    ]);
    expect(ours).toEqual(SERVICE);
  });

  it('every definition belongs to a document', () => {
    const used = DOCUMENTS.flatMap((name) => [
      name,
      ...Object.keys((documentOf(name, defined)['$defs'] ?? {}) as Schemas),
    ]);
    expect([...new Set<string>(used)].toSorted()).toEqual(Object.keys(defined));
  });

  it('no message forbids unknown fields', () => {
    expect(
      Object.keys(messageSchemas).filter((name) => 'additionalProperties' in messageSchemas[name]!),
    ).toEqual([]);
  });

  it('the schemas are stricter exactly where the list says so', () => {
    expect(constraintsOf(messageSchemas).toSorted()).toEqual(Object.keys(STRICTER).toSorted());
  });
});

const protoFile = process.env['SHOAL_A2A_PROTO'] || undefined;

describe.skipIf(protoFile === undefined)(
  'the table is what the official a2a.proto says (SHOAL_A2A_PROTO names the file)',
  () => {
    const proto = protoFile === undefined ? undefined : readProto(readFileSync(protoFile, 'utf8'));
    it('messages and fields', () => expect(table).toEqual(proto?.messages));
    it('enumerations', () => expect(ENUMS).toEqual(proto?.enums));
    it('methods', () => expect(SERVICE).toEqual(proto?.service));
  },
);
