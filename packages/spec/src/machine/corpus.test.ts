import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatProblem } from '../problem.ts';
import { loadMachineDocument } from './load.ts';
import { isMachineText } from './recognize.ts';
import { Step } from './step.ts';

/** Configurations that users of Kairos have: its bundled files, examples and documentation. Not part of the project. */
const CORPUS = new URL('../../../../../shared/corpus/kairos/', import.meta.url);
const files = existsSync(CORPUS) ? readdirSync(CORPUS).filter((name) => name.endsWith('.yaml')) : [];

const load = (name: string) => loadMachineDocument({ path: name, text: readFileSync(new URL(name, CORPUS), 'utf8') });

describe('configurations that exist', () => {
  it('are there', (ctx) => {
    if (files.length === 0) ctx.skip('the corpus of configurations is not beside the project');
    expect(files.length).toBeGreaterThanOrEqual(88);
  });

  it.each(files)('%s is accepted, and its steps are good', (name) => {
    const { document, problems } = load(name);
    expect(problems.filter((problem) => problem.severity === 'error').map(formatProblem)).toEqual([]);
    expect(isMachineText(readFileSync(new URL(name, CORPUS), 'utf8'))).toBe(true);
    for (const step of Object.values(document?.stages ?? {}).flat()) expect(Step.safeParse(step).error).toBeUndefined();
  });

  it.for([
    ['aa7cd9d82f.yaml', 'permsisions', 'permissions'],
    ['cb166b8888.yaml', 'systctl', 'sysctl'],
    ['29c99e4dcb.yaml', 'owner_string', 'ownerstring'],
    ['69399badaf.yaml', 'enable', 'enabled'],
    ['cfcba713c6.yaml', 'ha', 'p2p.auto.ha'],
  ])('%s: %s is reported', ([name = '', word = '', meant = ''], ctx) => {
    if (!files.includes(name)) ctx.skip('the corpus of configurations is not beside the project');
    const messages = load(name).problems.map(formatProblem).join('\n');
    expect(messages).toContain(word);
    expect(messages).toContain(`(did you mean "${meant}"?)`);
  });

  it('lose nothing silently: what a file without warnings says is all there', (ctx) => {
    if (files.length === 0) ctx.skip('the corpus of configurations is not beside the project');
    const quiet = files.map((name) => load(name)).filter((result) => result.problems.length === 0);
    expect(quiet.length).toBeGreaterThan(50);
    for (const { document } of quiet) {
      expect(Object.keys(document?.values ?? {}).length + Object.keys(document?.stages ?? {}).length).toBeGreaterThan(
        0,
      );
    }
  });
});
