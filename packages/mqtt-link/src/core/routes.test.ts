import { describe, expect, test } from 'vitest';
import { Routes } from './routes.ts';

function routesOf(...filters: string[]): { routes: Routes<string, string>; ids: Map<string, number> } {
  const routes = new Routes<string, string>(1_000);
  const ids = new Map<string, number>();
  for (const filter of filters) {
    routes.add(filter, filter);
    ids.set(filter, routes.issueId(filter, filter, undefined));
  }
  return { routes, ids };
}

const groups = (found: readonly { group: string }[] = []): string[] => found.map(({ group }) => group).sort();

describe('routes', () => {
  test('without identifiers, every matching filter gets the message', () => {
    const { routes } = routesOf('a/b', 'a/+', '#', 'c', '$share/g/a/b');
    expect(groups(routes.find('a/b', undefined))).toEqual(['#', '$share/g/a/b', 'a/+', 'a/b']);
  });

  test('with identifiers, only the subscriptions they name', () => {
    const { routes, ids } = routesOf('a/b', 'a/+', '#');
    expect(groups(routes.find('a/b', ids.get('a/+')))).toEqual(['a/+']);
    expect(groups(routes.find('a/b', [ids.get('a/b')!, ids.get('#')!]))).toEqual(['#', 'a/b']);
  });

  test('an identifier of an earlier process, or one whose filter does not match, is ignored', () => {
    const { routes, ids } = routesOf('a', 'b');
    expect(groups(routes.find('a', 7))).toEqual(['a']);
    expect(groups(routes.find('a', ids.get('b')))).toEqual(['a']);
  });

  test('what is on its way for a closed subscription goes to nobody', () => {
    const { routes, ids } = routesOf('a', '#');
    routes.delete('a', 'a');
    expect(routes.find('a', ids.get('a'))).toEqual([]);
    expect(groups(routes.find('a', undefined))).toEqual(['#']);
  });

  test('what no subscription can be meant by is unknown, which is not the same as closed', () => {
    const { routes, ids } = routesOf('a');
    expect(routes.find('b', undefined)).toBeUndefined();
    expect(routes.find('b', 7)).toBeUndefined();
    expect(routes.find('b', ids.get('a'))).toBeUndefined();
  });

  test('an earlier identifier of the same filter stays known, with its own target', () => {
    const { routes, ids } = routesOf('a');
    const second = routes.issueId('a', 'a', 'newcomer');
    expect(routes.find('a', ids.get('a'))).toEqual([{ group: 'a', target: undefined }]);
    expect(routes.find('a', second)).toEqual([{ group: 'a', target: 'newcomer' }]);
  });

  test('identifiers stay within the protocol and memory stays bounded', () => {
    const routes = new Routes<string, string>(268_435_455);
    routes.add('a', 'a');
    expect(routes.issueId('a', 'a', undefined)).toBe(268_435_455);
    expect(routes.issueId('a', 'a', undefined)).toBe(1);
    for (let i = 0; i < 1_000; i += 1) routes.issueId('a', 'a', 'x');
    expect(groups(routes.find('a', 1))).toEqual(['a']);
  });
});
