import type { TemplateHost } from './host.ts';

/** One template and what it gives: text, or an error. */
export type TemplateCase = { template: string; output: string } | { template: string; error: string };

/** The data of the cases. */
export const CASE_DATA = {
  a: 'alpha',
  n: 3,
  f: 1.5,
  t: true,
  nil: null,
  empty: [],
  big: 12345678901,
  neg: -5,
  half: 0.5,
  nested: [[1, 2], { x: null }],
  b: { c: 'cee', list: [1, 2, 3] },
  net: [
    { name: 'eth0', mac: '52:54:00:12:34:56' },
    { name: 'eth1', mac: '52:54:00:65:43:21' },
  ],
  words: ['b', 'a', 'c', 'a'],
  Ünï: 'u',
  under_score: 'us',
  _x: 1,
};

/** A host with a still clock; its chance is a counter, its digests are real. */
export function testHost(hash: TemplateHost['hash']): TemplateHost {
  let counter = 0;
  return {
    now: () => new Date('2024-03-05T06:07:08.009Z'),
    randomBytes: (length) => Uint8Array.from({ length }, () => (counter = (counter * 73 + 41) % 251)),
    hash,
    env: (name) => (name === 'TZ' ? 'UTC' : undefined),
  };
}
