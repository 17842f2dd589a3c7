/** Waveform captures in pieces: all pieces of one id come from one capture. Pure but for its own bounded memory. */
import { DeviceSimError } from './errors.ts';
import { inRange } from './faults.ts';
import type { Waveform } from './source.ts';

export interface Capture {
  readonly captureId: string;
  /** Device time, ISO 8601. */
  readonly at: string;
  readonly waveform: Waveform;
}

export interface CaptureChunk {
  readonly captureId: string;
  readonly at: string;
  readonly sampleRateHz: number;
  readonly shaftRpm: number;
  readonly unit: 'g';
  readonly encoding: 'base64-float32le';
  /** Samples of the whole capture. */
  readonly total: number;
  /** The first sample of this piece. */
  readonly offset: number;
  readonly count: number;
  /** Ask for the next piece with it; null after the last. */
  readonly nextOffset: number | null;
  readonly samples: string;
}

export class CaptureStore {
  readonly #captures = new Map<string, Capture>();
  readonly #keep: number;

  /** `keep`: the oldest goes when one more comes. */
  constructor(keep: number) {
    this.#keep = keep;
  }

  add(capture: Capture): void {
    this.#captures.set(capture.captureId, capture);
    for (const id of this.#captures.keys()) {
      if (this.#captures.size <= this.#keep) return;
      this.#captures.delete(id);
    }
  }

  /** Throws `capture-gone`. */
  get(captureId: string): Capture {
    const capture = this.#captures.get(captureId);
    if (capture !== undefined) return capture;
    const message = `captureId ${JSON.stringify(captureId)} is not kept (the last ${this.#keep} are): ask again without captureId`;
    throw new DeviceSimError('capture-gone', message);
  }
}

export function chunkOf(capture: Capture, offset: number, chunkBytes: number): CaptureChunk {
  const { samples, sampleRateHz, shaftRpm, unit } = capture.waveform;
  inRange('offset', offset, 0, samples.length - 1);
  const count = Math.min(Math.floor(chunkBytes / 4), samples.length - offset);
  const bytes = new Uint8Array(count * 4);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < count; index += 1) view.setFloat32(index * 4, samples[offset + index]!, true);
  const end = offset + count;
  return {
    captureId: capture.captureId,
    at: capture.at,
    sampleRateHz,
    shaftRpm,
    unit,
    encoding: 'base64-float32le',
    total: samples.length,
    offset,
    count,
    nextOffset: end < samples.length ? end : null,
    samples: base64(bytes),
  };
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (let index = 0; index < bytes.length; index += 8192) {
    text += String.fromCharCode(...bytes.subarray(index, index + 8192));
  }
  return btoa(text);
}

/** The inverse of what a chunk carries, for readers and tests. */
export function decodeSamples(samples: string): Float32Array {
  const text = atob(samples);
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length >> 2 }, (_, index) => view.getFloat32(index * 4, true));
}
