import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeHost } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AgentWorld, runAgent } from '../agent.ts';

const ISSUE = 'run/issue.d/60-bowline-install.issue';

let root = '';
let stopper: AbortController;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bowline-install-web-'));
  stopper = new AbortController();
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Runs the command; what it said is in `said`. */
function run(port: number, said: string[] = []): Promise<number> {
  const world: AgentWorld = {
    host: nodeHost(),
    cwd: root,
    version: '1',
    root,
    signal: stopper.signal,
    stdout: async (text) => void said.push(text),
    stderr: async (text) => void said.push(text),
  };
  return runAgent(['install-web', '--port', String(port)], world);
}

async function issue(): Promise<string> {
  for (let waited = 0; waited < 10_000; waited += 20) {
    const text = await readFile(join(root, ISSUE), 'utf8').catch(() => '');
    if (text !== '') return text;
    await sleep(20);
  }
  throw new Error('nothing was announced');
}

describe('bowline-agent install-web', () => {
  it('says above the prompts how to get in while it serves, and takes that away when it is stopped', async () => {
    const port = 20_000 + (process.pid % 20_000);
    const said: string[] = [];
    const first = run(port, said);
    expect(await issue()).toMatch(/ {2}code +[A-Z0-9]{4}-[A-Z0-9]{4}\n/);

    const other: string[] = [];
    expect(await run(port, other)).toBe(7);
    expect(other.join('')).toContain(`port ${port} is in use`);
    // The words are those of the first, still.
    expect(await issue()).toContain('bowline-agent install');

    const code = /code +(\S+)/.exec(await issue())?.[1] ?? 'none';
    stopper.abort();
    expect(await first).toBe(0);
    await expect(stat(join(root, ISSUE))).rejects.toThrow(/ENOENT/);
    expect(said.join('')).not.toContain(code);
  });

  it.each(['0', '65536', 'x', '-1'])('refuses the port %s', async (port) => {
    expect(await run(port as unknown as number)).toBe(2);
  });
});
