import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { AccessCode } from './access-code.ts';

let time = 0;
let shown: string[] = [];
let code: AccessCode;
const current = (): string => shown.at(-1) ?? '';

beforeEach(() => {
  time = 0;
  shown = [];
  code = new AccessCode({ now: () => time, onCode: (text) => void shown.push(text) });
  code.renew();
});

describe('the code on the console', () => {
  it('has eight characters that nobody confuses, in two groups', () => {
    for (let count = 0; count < 200; count += 1) code.renew();
    for (const text of shown) expect(text).toMatch(/^[ACDEFGHJKMNPQRTWXY34679]{4}-[ACDEFGHJKMNPQRTWXY34679]{4}$/);
    expect(new Set(shown).size).toBe(201);
  });

  it.each([
    ['as it is shown', (text: string) => text],
    ['in small letters', (text: string) => text.toLowerCase()],
    ['without the dash', (text: string) => text.replace('-', '')],
    ['with blanks', (text: string) => ` ${text.replace('-', ' ')}\n`],
  ])('is accepted %s', (_how, write) => {
    expect(code.try(write(current()))).toEqual({ accepted: true });
  });

  it('is accepted once: then another one is shown', () => {
    const first = current();
    expect(code.try(first).accepted).toBe(true);
    expect(shown).toHaveLength(2);
    expect(code.try(first).accepted).toBe(false);
    expect(code.try(current()).accepted).toBe(true);
  });

  it.each([
    ['nothing', () => ''],
    ['a part of it', (text: string) => text.slice(0, 6)],
    ['more than it', (text: string) => `${text}A`],
    ['one other character', (text: string) => text.slice(0, -1) + (text.endsWith('A') ? 'C' : 'A')],
    ['letters that look alike', (text: string) => text.replaceAll(/./g, 'O')],
    ['a long text', () => 'A'.repeat(100_000)],
    [
      'full-width letters',
      (text: string) => text.replaceAll(/[A-Z]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0)),
    ],
  ])('refuses %s', (_what, write) => {
    const text = current();
    // Codes of figures alone are the same in both widths.
    if (write(text) === text) return;
    expect(code.try(write(text))).toEqual({ accepted: false, triesLeft: 4 });
  });

  it('counts wrong tries over all who ask; the fifth ends it for everybody, for a minute', () => {
    expect([1, 2, 3, 4].map(() => code.try('x'))).toEqual(
      [4, 3, 2, 1].map((left) => ({ accepted: false, triesLeft: left })),
    );
    expect(code.try('x')).toEqual({ accepted: false, triesLeft: 0, retryAfterMs: 60_000 });
    time = 59_999;
    expect(code.try(current())).toEqual({ accepted: false, triesLeft: 0, retryAfterMs: 1 });
    expect(shown).toHaveLength(1);
  });

  it('is a new one after the pause, and the old one is worth nothing', () => {
    const old = current();
    for (let count = 0; count < 5; count += 1) code.try('x');
    time = 60_000;
    expect(code.pauseMs()).toBe(0);
    expect(shown).toHaveLength(2);
    expect(code.try(old)).toEqual({ accepted: false, triesLeft: 4 });
    expect(code.try(current())).toEqual({ accepted: true });
  });

  it('lets nobody in with a guess, however guesses and times fall', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ guess: fc.string({ maxLength: 12 }), wait: fc.nat(70_000) })), (tries) => {
        for (const { guess, wait } of tries) {
          time += wait;
          const before = current().replace('-', '');
          if (guess.toUpperCase().replaceAll(/[\s-]/g, '') === before) continue;
          expect(code.try(guess).accepted).toBe(false);
        }
      }),
    );
  });
});
