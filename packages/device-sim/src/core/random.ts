/**
 * Seeded randomness without state: the same (seed, stream, index) always gives the same number, so that a model is a pure
 * function of the time and a sample can be computed again. Not for secrets.
 */

/** 32 well mixed bits of up to three integers (the finaliser of MurmurHash3, applied per part). */
export function hash32(seed: number, stream = 0, index = 0): number {
  let h = mix(seed ^ 0x9e37_79b9);
  h = mix(h ^ Math.imul(stream + 1, 0x85eb_ca6b));
  return mix(h ^ Math.imul(index + 1, 0xc2b2_ae35));
}

/** In [0, 1). */
export function uniform(seed: number, stream: number, index: number): number {
  return hash32(seed, stream, index) / 0x1_0000_0000;
}

/** Mean 0, standard deviation 1 (Box and Muller). */
export function gaussian(seed: number, stream: number, index: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(seed, stream, 2 * index)));
  return radius * Math.cos(2 * Math.PI * uniform(seed, stream, 2 * index + 1));
}

/** A seed from a name. */
export function seedOf(text: string): number {
  let h = 0x811c_9dc5;
  for (let index = 0; index < text.length; index += 1) {
    h = Math.imul(h ^ text.charCodeAt(index), 0x0100_0193);
  }
  return mix(h);
}

function mix(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
