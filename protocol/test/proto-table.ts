/** The same normal form from the official `a2a.proto`, which the project does not contain. */
import * as protobuf from 'protobufjs';
import { mapValues, type Field, type FieldTable } from './field-table.ts';

export interface ProtoTable {
  readonly messages: FieldTable;
  readonly enums: Readonly<Record<string, readonly string[]>>;
  readonly service: Readonly<Record<string, readonly [string, string]>>;
}

export function readProto(source: string): ProtoTable {
  const { root } = protobuf.parse(source.replaceAll(/^import "google\/.*$/gm, ''), new protobuf.Root(), {
    keepCase: false,
  });
  const types = (root.lookup('lf.a2a.v1') as protobuf.Namespace).nestedArray;
  return {
    messages: named(
      types.filter((type) => type instanceof protobuf.Type),
      (type) => mapValues(type.fields, fieldOf),
    ),
    enums: named(
      types.filter((type) => type instanceof protobuf.Enum),
      namesInOrder,
    ),
    service: Object.assign({}, ...types.filter((type) => type instanceof protobuf.Service).map(methodsOf)),
  };
}

function named<T extends { name: string }, R>(items: readonly T[], read: (item: T) => R): Record<string, R> {
  return Object.fromEntries(items.map((item) => [item.name, read(item)]));
}

function fieldOf(field: protobuf.Field): Field {
  const oneof = field.partOf?.name;
  const optional = field.options?.['proto3_optional'] === true;
  return {
    kind: field instanceof protobuf.MapField ? 'map' : field.repeated ? 'array' : 'one',
    type: field.type.replace('google.protobuf.', ''),
    required: field.options?.['(google.api.field_behavior)'] === 'REQUIRED',
    oneof: optional ? undefined : oneof,
    presence: optional,
  };
}

function namesInOrder(type: protobuf.Enum): readonly string[] {
  return Object.entries(type.values)
    .sort(([, a], [, b]) => a - b)
    .map(([name]) => name);
}

function methodsOf(service: protobuf.Service): Record<string, readonly [string, string]> {
  return mapValues(service.methods, (method) => [
    method.requestType,
    `${method.responseStream === true ? 'stream ' : ''}${method.responseType.replace('google.protobuf.', '')}`,
  ]);
}
