import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CliError } from '../error.ts';
import { ConsoleText } from './console-text.ts';
import { ConsoleWatcher } from './console-watcher.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

/** Cuts bytes at the given places, in any order and number. */
function cut(whole: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [...new Set(places.map((place) => place % (whole.length + 1)))].toSorted((a, b) => a - b);
  const edges = [0, ...cuts, whole.length];
  return edges.slice(1).map((edge, index) => whole.slice(edges[index], edge));
}

const places = fc.array(fc.nat(), { maxLength: 20 });
const consoleText = fc
  .array(
    fc.constantFrom(
      'login: ',
      'zäh ',
      '\r\n',
      '\r\r\n',
      '\r',
      '\x1b[1;31m',
      '\x1b[0m',
      '\x1b]0;title\x07',
      '\x1b(B',
      '😀',
      'x',
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

describe('ConsoleText', () => {
  it('gives the same text however the bytes are cut', () => {
    fc.assert(
      fc.property(consoleText, places, (text, where) => {
        const whole = new ConsoleText().push(bytes(text));
        const reader = new ConsoleText();
        const pieces = cut(bytes(text), where).map((chunk) => reader.push(chunk));
        expect(pieces.join('')).toBe(whole);
      }),
    );
  });

  it('removes terminal sequences and makes every line end one line feed', () => {
    const text = '\x1b[2J\x1b[01;01H\x1b]0;a\x1b\\one\r\r\ntwo\rthree\x1b[31;1m!\x1b[0m\x07\n';
    expect(new ConsoleText().push(bytes(text))).toBe('one\ntwo\nthree!\n');
  });

  it('does not lose what follows a torn sequence', () => {
    expect(new ConsoleText().push(bytes('\x1b]0;never ended\nlogin: '))).toBe('login: ');
    expect(new ConsoleText().push(bytes('\x1b[31\x1b[0mok'))).toBe('ok');
  });
});

describe('ConsoleWatcher', () => {
  it('finds text however the bytes are cut', async () => {
    const needle = 'Reached target zäh';
    await fc.assert(
      fc.asyncProperty(consoleText, consoleText, places, async (before, after, where) => {
        const watcher = new ConsoleWatcher();
        const found = watcher.waitFor(/Reached\s+target zäh/, { timeoutMs: 5000 });
        const text = `${before}\x1b[0mReached\x1b[1m target zäh${after}`;
        for (const chunk of cut(bytes(text), where)) watcher.feed(chunk);
        expect((await found)[0]).toBe(needle);
      }),
      { numRuns: 50 },
    );
  });

  it('finds what was there before anybody waited, and each occurrence once', async () => {
    const watcher = new ConsoleWatcher();
    watcher.feed(bytes('a login: '));
    await watcher.waitFor(/login:/, { timeoutMs: 10 });
    await expect(watcher.waitFor(/login:/, { timeoutMs: 10 })).rejects.toMatchObject({ code: 'EXPECT_TIMEOUT' });
    const second = watcher.waitFor(/login:/, { timeoutMs: 1000 });
    watcher.feed(bytes('\r\nb log'));
    watcher.feed(bytes('in: '));
    expect((await second)[0]).toBe('login:');
  });

  it('takes ^ and $ for lines', async () => {
    const watcher = new ConsoleWatcher();
    watcher.feed(bytes('not ready\r\nready\r\nmore'));
    expect((await watcher.waitFor(/^ready$/, { timeoutMs: 10 })).index).toBe(10);
  });

  it('says on a time-out what the console showed last', async () => {
    const watcher = new ConsoleWatcher();
    watcher.feed(bytes('one\r\n\r\ntwo\r\n'));
    const error = await watcher.waitFor(/never/, { timeoutMs: 5 }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'EXPECT_TIMEOUT', details: { serialTail: ['one', 'two'] } });
  });

  it('fails at once when the machine ends, and later waits as well', async () => {
    const watcher = new ConsoleWatcher();
    const waiting = watcher.waitFor(/never/, { timeoutMs: 60_000 });
    watcher.end(new CliError({ code: 'MACHINE_ENDED', message: 'off' }));
    await expect(waiting).rejects.toMatchObject({ code: 'MACHINE_ENDED' });
    await expect(watcher.waitFor(/never/, { timeoutMs: 60_000 })).rejects.toMatchObject({ code: 'MACHINE_ENDED' });
  });

  it('stops waiting when it is told to', async () => {
    const stopper = new AbortController();
    const waiting = new ConsoleWatcher().waitFor(/x/, { timeoutMs: 60_000, signal: stopper.signal });
    stopper.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
  });

  it('keeps a bounded amount of a console that never stops, and still finds text', async () => {
    const watcher = new ConsoleWatcher();
    const found = watcher.waitFor(/needle/, { timeoutMs: 20_000 });
    const noise = bytes(`${'x'.repeat(1023)}\n`.repeat(64));
    for (let count = 0; count < 40; count++) watcher.feed(noise);
    watcher.feed(bytes('needle'));
    expect((await found)[0]).toBe('needle');
    expect(watcher.tail(1_000_000).join('\n').length).toBeLessThan(600 * 1024);
  });
});
