import { describe, expect, it } from 'vitest';
import { FrameSplitter } from './frames.ts';
import { fillPlaceholders, parseManifest } from './manifest.ts';
import { parseOptions, splitCommand } from './options.ts';
import { topicMatches } from './topic-match.ts';
import { Trace } from './trace.ts';

describe('the command line', () => {
  it('is refused with the name of the flag', () => {
    for (const args of [['--nope'], ['--role', 'king'], ['--timeout', '0'], ['--timeout', 'x']])
      expect(() => parseOptions(args)).toThrow(expect.objectContaining({ code: 'invalid-option' }));
    expect(() => parseOptions(['--manifest', 'a', '--responder', 'b'])).toThrow('--manifest');
  });

  it('is read into options; what is not given is absent', () => {
    expect(parseOptions(['--broker', 'mqtt://h', '--only', 'V1,V2', '--timeout', '10', '--json'])).toEqual({
      broker: 'mqtt://h',
      only: ['V1', 'V2'],
      timeoutMs: 10,
      json: true,
      failures: false,
      list: false,
      help: false,
    });
  });

  it('splits commands at blanks outside quotes', () => {
    expect(splitCommand(`node "a b.js" 'c d' {url}`)).toEqual(['node', 'a b.js', 'c d', '{url}']);
  });
});

describe('a manifest', () => {
  it('is refused with the name of the field', () => {
    const cases = {
      '{': 'JSON',
      '{}': 'name',
      '{"name":"x","typo":1}': 'manifest.typo',
      '{"name":"x","responder":{}}': 'responder.command',
      '{"name":"x","responder":{"command":["a"],"offers":["fly"]}}': 'fly',
      '{"name":"x","requester":{"command":["a"],"env":{"A":1}}}': 'requester.env',
    };
    for (const [text, word] of Object.entries(cases)) expect(() => parseManifest(text)).toThrow(word);
  });

  it('must not name a placeholder that nobody fills', () => {
    expect(fillPlaceholders('{a}-{b}', { a: '1', b: '2' })).toBe('1-2');
    expect(() => fillPlaceholders('{c}', { a: '1' })).toThrow('{c}');
  });
});

describe('packets', () => {
  it('are cut out of a stream whatever its pieces', () => {
    const packets = [
      Buffer.from('c000', 'hex'),
      Buffer.concat([Buffer.from([0x30, 0x80, 0x02]), Buffer.alloc(256)]),
    ];
    const stream = Buffer.concat(packets);
    const splitter = new FrameSplitter();
    const seen = [...stream].flatMap((byte) => splitter.push(Buffer.from([byte])));
    expect(seen).toEqual(packets);
    expect(new FrameSplitter().push(stream)).toEqual(packets);
  });

  it('match filters as MQTT 5 §4.7 says', () => {
    expect(topicMatches('$a2a/v1/+/o/#', '$a2a/v1/request/o/u/a')).toBe(true);
    expect(topicMatches('#', '$a2a/v1')).toBe(false);
    expect(topicMatches('a/+', 'a/b/c')).toBe(false);
    expect(topicMatches('a/#', 'a')).toBe(true);
  });

  it('are shown without passwords, tokens and other secrets', () => {
    const trace = new Trace();
    const common = { atMs: 0, from: 'a', to: 'b' };
    trace.add({
      ...common,
      packet: { cmd: 'connect', clientId: 'c', username: 'u', password: Buffer.from('hunter2') },
    });
    trace.add({
      ...common,
      packet: {
        cmd: 'publish',
        topic: 't',
        qos: 1,
        dup: false,
        retain: false,
        payload: '{"token":"s3cret","other":"Bearer abc.def"}',
        properties: { userProperties: { 'a2a-authorization': 'Custom xyz' } },
      },
    });
    const text = trace.lines(['s3cret']).join('\n');
    for (const secret of ['hunter2', 's3cret', 'abc.def', 'xyz']) expect(text).not.toContain(secret);
    expect(text).toContain('PUBLISH');
  });
});
