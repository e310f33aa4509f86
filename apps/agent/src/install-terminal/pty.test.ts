import { fileURLToPath } from 'node:url';
import { NodeProcesses } from '@bowline/host';
import { describe, expect, it, type TestContext } from 'vitest';

const DRIVER = fileURLToPath(new URL('./pty-driver.testdata.ts', import.meta.url));
const DOWN = '\x1b[B';

/** What to wait for, and what to type then. */
type Dialogue = readonly (readonly [seen: string, typed: string])[];

/** Runs the dialogue in a pseudo terminal of script(1); all that was printed, or undefined without that program. */
async function converse(term: string, dialogue: Dialogue): Promise<string | undefined> {
  let printed = '';
  let wake = (): void => undefined;
  async function* type(): AsyncGenerator<Uint8Array> {
    let from = 0;
    for (const [seen, typed] of dialogue) {
      for (;;) {
        const at = printed.indexOf(seen, from);
        if (at >= 0) {
          from = at + seen.length;
          break;
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
      yield Buffer.from(typed);
    }
  }
  try {
    await new NodeProcesses().run({
      argv: ['script', '--quiet', '--echo', 'never', '--command', `'${process.execPath}' '${DRIVER}'`, '/dev/null'],
      env: { TERM: term, NO_COLOR: '1' },
      stdin: { kind: 'stream', stream: type() },
      stdout: {
        kind: 'chunks',
        onChunk: (chunk) => {
          printed += Buffer.from(chunk).toString();
          wake();
        },
      },
      timeoutMs: 15_000,
    });
  } catch (error) {
    if ((error as { code?: string }).code === 'PROCESS_NOT_FOUND') return undefined;
    throw new Error(`${String(error)}; the terminal shows: ${printed}`);
  }
  return printed;
}

function skip(ctx: TestContext): void {
  ctx.skip('script (bsdutils) is not installed');
}

describe('on a terminal of lines', () => {
  it.each(['dumb', ''])('with TERM=%s, questions are numbered lines without any control characters', async (term) => {
    const printed = await converse(term, [
      ['Number, 1 to 2: ', '3\n'],
      ['This is none of the numbers.', '1\n'],
      ['Type yes or no: ', 'yes\n'],
      ['User name', 'ada\n'],
      ['SSH key', '\n'],
      ['Password', 'correct horse!\x7f\r'],
      ['The same password again', 'correct horse\r'],
      ['Name of the machine', '\n'],
      ['Further configuration', '\n'],
      ['Number, 1 to 3: ', '1\n'],
      ['Install now? Type yes or no: ', 'y\n'],
      ['And now?', '3\n'],
    ]);
    if (printed === undefined) return;
    expect(printed).toMatch(/then: nothing\r?\nwritten: 1\r?\nuser: true/);
    expect(printed).toMatch(/ 1\) \/dev\/vda {7}64 GiB {2}QEMU HARDDISK/);
    expect(printed).toMatch(/ -\) \/dev\/sda[^]*cannot be used: the medium this system runs from/);
    expect(printed).toMatch(/ 43 % {2}Write the system, 2 min left/);
    expect(printed).not.toMatch(/\x1b|horse/);
    expect(printed).toMatch(/^[\x20-\x7e\r\n]*$/);
  });

  it('Ctrl-C ends it, and nothing is written', async (ctx) => {
    const printed = await converse('dumb', [
      ['Number, 1 to 2: ', '2\n'],
      ['Type yes or no: ', 'no\n'],
      ['Further configuration', '\n'],
      ['Number, 1 to 3: ', '1\n'],
      ['Type /dev/nvme0n1 to erase it', '\x03'],
    ]);
    if (printed === undefined) return skip(ctx);
    expect(printed).toMatch(/ended: AbortError\r?\nwritten: 0/);
  });
});

describe('on a terminal with a cursor', () => {
  it.each(['vt100', 'vt220', 'linux', 'xterm-256color'])(
    'with TERM=%s, answers are chosen by arrow keys',
    async (term) => {
      const printed = await converse(term, [
        ['Which disk?', `${DOWN}\r`],
        ['Make a user', 'n'],
        ['Further configuration', '\r'],
        ['Go on?', '\r'],
        ['Type /dev/nvme0n1', '/dev/nvme0n1\r'],
        ['And now?', `${DOWN}${DOWN}\r`],
      ]);
      if (printed === undefined) return;
      expect(printed).toMatch(/then: nothing\r?\nwritten: 1/);
      expect(printed).toContain('\r[####');
    },
  );

  it('Ctrl-C ends it, the password does not show, and nothing is written', async (ctx) => {
    const printed = await converse('vt100', [
      ['Which disk?', '\r'],
      ['Make a user', 'y'],
      ['User name', 'ada\r'],
      ['SSH key', '\r'],
      ['Password', 'correct horse\r'],
      ['again', '\x03'],
    ]);
    if (printed === undefined) return skip(ctx);
    expect(printed).toMatch(/ended: AbortError\r?\nwritten: 0/);
    expect(printed).not.toContain('horse');
  });
});
