import { Type, type TSchema } from 'typebox';

/** Pieces that the shapes share. */
export const text = Type.String();
export const count = Type.Integer({ minimum: 0 });
export const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
export const words = <const W extends string>(...all: readonly W[]) =>
  Type.Unsafe<W>({ type: 'string', enum: [...all] });
export const map = <S extends TSchema>(schema: S) => Type.Record(Type.String(), schema);
export const json = Type.Unknown();
