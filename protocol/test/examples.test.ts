import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import {
  assertValid,
  DOCUMENTS,
  isDocumentName,
  isProtocolError,
  validateDocument,
  type DocumentName,
} from '../src/index.ts';
import { readExamples, readJson } from './load.ts';

const valid = readExamples('valid');
const invalid = readExamples('invalid');
const unwritable = readExamples('unwritable');

it.each(DOCUMENTS)('%s has an example that must validate and one that must not', (name) => {
  expect(valid.filter((example) => example.type === name)).not.toHaveLength(0);
  expect(invalid.filter((example) => example.type === name)).not.toHaveLength(0);
});

it('every folder of examples is named after a document', () => {
  const strangers = [...valid, ...invalid, ...unwritable].filter(({ type }) => !isDocumentName(type));
  expect(strangers.map(({ type }) => type)).toEqual([]);
});

describe('examples that must validate', () => {
  it.each(valid)('$type $name', ({ type, document }) => {
    const before = JSON.stringify(document);
    const result = validateDocument(type as DocumentName, document);
    expect(result).toEqual({ ok: true, value: document });
    expect(JSON.stringify(document)).toBe(before);
  });
});

describe('examples that must not validate', () => {
  it.each(invalid)('$type $name: $field', ({ type, document, field }) => {
    const result = validateDocument(type as DocumentName, document);
    if (result.ok) throw new Error('it validated');
    expect(result.violations.map((violation) => violation.field)).toContain(field);
  });
});

describe('examples that may be read and must not be written', () => {
  it.each(unwritable)('$type $name: $field', ({ type, document, field }) => {
    expect(validateDocument(type as DocumentName, document).ok).toBe(true);
    const error = thrownBy(() => assertValid(type as DocumentName, document));
    expect(isProtocolError(error, 'invalid-document')).toBe(true);
    expect(error).toMatchObject({ field, message: expect.stringContaining(field!) });
  });
});

describe('the published schemas, checked by a plain validator', () => {
  const bundle = new Ajv2020({
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    keywords: ['x-shoal-write'],
  });
  bundle.addSchema(readJson('schemas/v1/shoal.schema.json') as object);

  it.each(DOCUMENTS)('%s: bundle, file and compiled validator agree on every example', (name) => {
    const single = new Ajv2020({ strict: false }).compile(
      readJson(`schemas/v1/${name}.schema.json`) as object,
    );
    const whole = bundle.getSchema(`urn:shoal:schema:v1#/$defs/${name}`)!;
    for (const { document } of [...valid, ...invalid]) {
      const ours = validateDocument(name, document).ok;
      expect({ document, file: single(document), bundle: whole(document) }).toEqual({
        document,
        file: ours,
        bundle: ours,
      });
    }
  });
});

function thrownBy(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
