import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { formatProblems } from '../problem.ts';
import { explain } from '../schema/explain.ts';
import { locate } from '../yaml/located.ts';
import { checkRules } from './check-rules.ts';
import { EVERY_KEY } from './every-key.testdata.ts';
import { loadBowl } from './load.ts';
import { Bowl } from './schema.ts';

const HEAD = 'apiVersion: bowline/v1\nname: a\nversion: "1"\n';
const BASE = 'base: {debian: {suite: trixie}}\n';

const load = (text: string) =>
  loadBowl({ path: 'bowl.yaml', text }, async (reference) => {
    throw new Error(`no bowl is called ${reference}`);
  });
/** What a terminal shows. */
const complain = async (text: string): Promise<string[]> => {
  const result = await load(text);
  return formatProblems(result.ok ? result.warnings : result.problems).split('\n');
};

describe('loadBowl', () => {
  it.each(EVERY_KEY.map((bowl) => [String(bowl['name']), bowl] as const))('reads %s', async (_name, bowl) => {
    const result = await load(stringify(bowl));
    expect(result).toMatchObject({ ok: true, warnings: [], bowl: Bowl.parse(bowl) });
  });

  it('fills in defaults and returns its sources', async () => {
    const text = HEAD + BASE;
    const result = await load(text);
    expect(result).toMatchObject({
      ok: true,
      bowl: { arch: ['amd64'], kernel: 'base', outputs: ['raw', 'iso', 'qcow2'], disk: { smallest: '8 GiB' } },
      sources: [{ path: 'bowl.yaml', text }],
    });
  });

  it.each([
    ['unknown key', `${HEAD}${BASE}pakages: [vim]`, '5:1  unknown key "pakages" (did you mean "packages"?)'],
    [
      'unknown nested key',
      `${HEAD}base: {debian: {suit: sid}}`,
      '4:17  unknown key "suit" in base.debian (did you mean "suite"?)',
    ],
    [
      'unknown key of a choice',
      `${HEAD}${BASE}kernel: {debain: {}}`,
      '5:10  unknown key "debain" in kernel (did you mean "debian"?)',
    ],
    [
      'other spelling',
      `${HEAD}${BASE}kernel_arguments: []`,
      '5:1  unknown key "kernel_arguments" (did you mean "kernelArguments"?)',
    ],
    [
      'wrong place',
      `${HEAD}${BASE}ssh_authorized_keys: []`,
      '5:1  unknown key "ssh_authorized_keys" (did you mean "users[].sshAuthorizedKeys"?)',
    ],
    [
      'wrong place inside',
      `${HEAD}${BASE}systemd: {packages: []}`,
      '5:11  unknown key "packages" in systemd (did you mean "packages"?)',
    ],
    [
      'no key is near',
      `${HEAD}${BASE}disk: {raid: 5}`,
      '5:8  unknown key "raid" in disk; it can have: smallest, slot, recovery',
    ],
    ['no keys at all', `${HEAD}${BASE}security: {x: 5}`, '5:12  unknown key "x" in security; it has no further keys'],
    [
      'no time span',
      `${HEAD}${BASE}checks: {within: 10 minutes}`,
      '5:18  checks.within is "10 minutes": a time span is a whole number and s, m or h, at most 24h, such as "10m"',
    ],
    [
      'a number for a time span',
      `${HEAD}${BASE}checks: {within: 600}`,
      '5:18  checks.within must be text, not a number; put quotes around it: "600"',
    ],
    ['switch or map', `${HEAD}${BASE}checks: {ssh: yes}`, '5:15  checks.ssh must be true or false or a map, not text'],
    [
      'key of a check',
      `${HEAD}${BASE}checks: {noFailedUnits: {expect: [a.service]}}`,
      '5:26  unknown key "expect" in checks.noFailedUnits (did you mean "except"?)',
    ],
    [
      'program twice',
      `${HEAD}${BASE}checks: {command: [{argv: [a], run: b}]}`,
      '5:32  checks.command[0] has argv and run; keep exactly one of them',
    ],
    [
      'no program',
      `${HEAD}${BASE}upgrade: {hooks: {afterRollback: [{timeout: 5m}]}}`,
      '5:35  upgrade.hooks.afterRollback[0] needs exactly one of argv, run',
    ],
    [
      'secret in an address',
      `${HEAD}${BASE}checks: {http: [{url: 'http://a:b@c/'}]}`,
      '5:23  checks.http[0].url is "http://a:b@c/": not an http:// or https:// address without user and password',
    ],
    [
      'number for text',
      `apiVersion: bowline/v1\nname: a\nversion: 1.10\n${BASE}`,
      '3:10  version must be text, not a number; put quotes around it: "1.10"',
    ],
    [
      'octal number',
      `${HEAD}${BASE}files: [{path: /a, content: '', mode: 0644}]`,
      '5:39  files[0].mode must be text, not a number; put quotes around it: "0644"',
    ],
    ['text for a list', `${HEAD}${BASE}packages: vim`, '5:11  packages must be a list, not text; write [vim]'],
    ['list for a map', `${HEAD}${BASE}disk: []`, '5:7  disk must be a map, not a list'],
    ['nothing', `${HEAD}${BASE}packages:`, '5:10  packages is empty; it must be a list, or be left out'],
    [
      'wrong word',
      `${HEAD}base: {debian: {suite: trixi}}`,
      '4:24  base.debian.suite must be one of bookworm, trixie, sid, not "trixi" (did you mean "trixie"?)',
    ],
    [
      'word of another project',
      `${HEAD}${BASE}arch: [x86_64]`,
      '5:8  arch[0] must be one of amd64, arm64, not "x86_64" (did you mean "amd64"?)',
    ],
    [
      'word or text',
      `${HEAD}${BASE}disk: {slot: atuo}`,
      '5:14  disk.slot must be auto, or else: a size is a whole number and MiB, GiB or TiB, such as "4 GiB", not "atuo" (did you mean "auto"?)',
    ],
    [
      'word or map',
      `${HEAD}${BASE}kernel: debian`,
      '5:9  kernel must be base or a map with debian, image, rootfs, not "debian"',
    ],
    ['empty text', `${HEAD}base: {dockerfile: ''}`, '4:20  base.dockerfile: must be at least 1 character'],
    [
      'bad key of a record',
      `${HEAD}base: {dockerfile: {args: {a b: c}}}`,
      '4:27  base.dockerfile.args: "a b" is not the name of a build argument',
    ],
    ['empty list', `${HEAD}${BASE}outputs: []`, '5:10  outputs: must be at least 1 item'],
    [
      'too large',
      `${HEAD}${BASE}users: [{name: a, uid: 4294967295}]`,
      '5:24  users[0].uid is "4294967295": must be at most 4294967294',
    ],
    ['fraction', `${HEAD}${BASE}users: [{name: a, uid: 1.5}]`, '5:24  users[0].uid is "1.5": must be a whole number'],
    [
      'missing key',
      `apiVersion: bowline/v1\nname: a\n${BASE}`,
      '1:1  version is missing; write for example "version: 1.0.0"',
    ],
    [
      'missing nested key',
      `${HEAD}base: {debian: {}}`,
      '4:16  base.debian.suite is missing; write for example "suite: trixie"',
    ],
    ['no base', HEAD, '1:1  base is missing'],
    ['empty base', `${HEAD}base: {}`, '4:7  base needs exactly one of image, dockerfile, debian, rootfs'],
    [
      'two bases',
      `${HEAD}base:\n  debian: {suite: sid}\n  image: x`,
      '6:3  base has debian and image; keep exactly one of them',
    ],
    [
      'two kernels',
      `${HEAD}${BASE}kernel: {image: x, rootfs: y}`,
      '5:20  kernel has image and rootfs; keep exactly one of them',
    ],
    ['empty kernel', `${HEAD}${BASE}kernel: {}`, '5:9  kernel needs exactly one of debian, image, rootfs'],
    ['no content', `${HEAD}${BASE}files: [{path: /a}]`, '5:9  files[0] needs exactly one of content, source, symlink'],
    [
      'two contents',
      `${HEAD}${BASE}files: [{path: /a, content: x, source: y}]`,
      '5:32  files[0] has content and source; keep exactly one of them',
    ],
    [
      'two cloud-configs',
      `${HEAD}${BASE}cloudConfig: {file: x, inline: y}`,
      '5:24  cloudConfig has file and inline; keep exactly one of them',
    ],
    [
      'same user twice',
      `${HEAD}${BASE}users: [{name: a}, {name: a}]`,
      '5:27  users[1].name is given twice: "a", first in line 5',
    ],
    [
      'same file twice',
      `${HEAD}${BASE}files:\n- {path: /a, content: x}\n- {path: /a, content: y}`,
      '7:10  files[1].path is given twice: "/a", first in line 6',
    ],
    [
      'same output twice',
      `${HEAD}${BASE}outputs: [raw, raw]`,
      '5:16  outputs[1] is given twice: "raw", first in line 5',
    ],
    [
      'enabled and masked',
      `${HEAD}${BASE}systemd: {enable: [a.service], mask: [a.service]}`,
      '5:39  "a.service" is in systemd.mask and in systemd.enable (line 5); keep one',
    ],
    [
      'no tar for an architecture',
      `${HEAD}base: {rootfs: {amd64: x}}\narch: [amd64, arm64]`,
      '4:16  base.rootfs names no tar for arm64, which arch asks for',
    ],
    ['duplicate key', `${HEAD}${BASE}name: b`, '5:1  "name" is given twice, first in line 2'],
    ['tab', `${HEAD}base:\n\tdebian: {suite: sid}`, '5:1  a tab is used for indentation; YAML needs spaces'],
    ['NUL', `${HEAD}${BASE}hostname: a\0b`, '5:12  holds a NUL byte, which text never does'],
    [
      '1 MB string',
      `${HEAD}${BASE}description: ${'x'.repeat(2 ** 20)}`,
      '1:1  is larger than 1 MiB (1048576 bytes), the most a document may have; keep large content in files of its own',
    ],
    ['empty file', '', '1:1  the file is empty; a bowl starts with "apiVersion: bowline/v1"'],
    ['only comments', '# nothing\n', '1:1  the file is empty; a bowl starts with "apiVersion: bowline/v1"'],
    ['list at the top', '- a\n- b', '1:1  a bowl is a map of keys ("apiVersion: bowline/v1" first), not a list'],
    ['text at the top', 'hello', '1:1  a bowl is a map of keys ("apiVersion: bowline/v1" first), not plain text'],
    [
      'no apiVersion',
      `name: a\nversion: "1"\n${BASE}`,
      '1:1  apiVersion is missing; write "apiVersion: bowline/v1" as the first line',
    ],
    [
      'newer apiVersion',
      HEAD.replace('v1', 'v9') + BASE,
      '1:13  apiVersion bowline/v9 needs a newer Bowline; this one reads up to bowline/v1',
    ],
    [
      'misspelt apiVersion',
      HEAD.replace('bowline/v1', 'bowlin/v1') + BASE,
      '1:13  apiVersion must be bowline/v1, not "bowlin/v1" (did you mean "bowline/v1"?)',
    ],
    ['unknown ready bowl', `${HEAD}extends: strater`, '4:10  extends "strater": no bowl is called strater'],
    [
      'extends is no text',
      `${HEAD}${BASE}extends: [a]`,
      '5:10  extends must be the name of a ready bowl or the path of a bowl file',
    ],
  ])('says what is wrong: %s', async (_name, text, line) => {
    const result = await load(text);
    expect(result.ok).toBe(false);
    expect(await complain(text)).toContain(`bowl.yaml:${line}`);
  });

  it('stops at a billion laughs', async () => {
    const lines = Array.from({ length: 12 }, (_, i) => `x${i}: &x${i} [${i === 0 ? 'lol' : `*x${i - 1}, `.repeat(9)}]`);
    expect((await complain(HEAD + BASE + lines.join('\n'))).join('\n')).toContain('more than 50000 values');
  });

  it('warns without refusing', async () => {
    const result = await load(`${HEAD}${BASE}files: [{path: /a, symlink: b, mode: "0644"}]\npackages: [vim, vim]`);
    expect(result.ok).toBe(true);
    expect(result.ok && formatProblems(result.warnings)).toBe(
      'bowl.yaml:5:32  warning: files[0].mode has no effect beside symlink\n' +
        'bowl.yaml:6:17  warning: packages[1] is given twice: "vim", first in line 6',
    );
  });

  it('reports everything at once, in the order of the file', async () => {
    const lines = await complain(
      `nam: A\nversion: 1\nbase: {image: a, rootfs: b}\nusers: [{name: X}]\noutputs: [row]\ndisk: 5`,
    );
    expect(lines.map((line) => line.split('  ')[0])).toEqual([
      'bowl.yaml:1:1',
      'bowl.yaml:1:1',
      'bowl.yaml:1:1',
      'bowl.yaml:2:10',
      'bowl.yaml:3:18',
      'bowl.yaml:4:16',
      'bowl.yaml:5:11',
      'bowl.yaml:6:7',
    ]);
  });

  it('says nothing about a choice whose word is only misspelt', async () => {
    expect(await complain(`${HEAD}base: {debain: {suite: sid}}`)).toHaveLength(1);
  });

  it('counts instead of listing thousands of problems', async () => {
    const result = await load(HEAD + BASE + Array.from({ length: 5000 }, (_, i) => `zzz${i}: 1`).join('\n'));
    expect(!result.ok && result.problems).toHaveLength(200);
    expect(!result.ok && result.problems.at(-1)?.message).toBe('and 4801 more problems in the document');
  });

  it('takes seconds, not minutes, for a megabyte of nonsense', async () => {
    const keys = Array.from({ length: 40_000 }, (_, i) => `keey${i}: 1`).join('\n');
    const started = performance.now();
    expect((await load(keys)).ok).toBe(false);
    expect((await load(`${HEAD}${BASE}users:\n${'- {nam: x}\n'.repeat(15_000)}`)).ok).toBe(false);
    expect((await load(`${HEAD}${BASE}packages:\n${'- a b\n'.repeat(40_000)}`)).ok).toBe(false);
    expect(performance.now() - started).toBeLessThan(60_000);
  }, 90_000);

  it('lets an aborted read through', async () => {
    const abort = new DOMException('stop', 'AbortError');
    await expect(loadBowl({ path: 'a', text: `${HEAD}extends: b` }, () => Promise.reject(abort))).rejects.toBe(abort);
  });

  it('never crashes and never accepts what the schema refuses, whatever the text', async () => {
    const word = fc.constantFrom(
      'apiVersion',
      'base',
      'debian',
      'files',
      'users',
      ':',
      ' ',
      '\n',
      '-',
      '[',
      '{',
      '}',
      ']',
      '&a',
      '*a',
      '"',
      '!',
      'bowline/v1',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(word, fc.string({ maxLength: 5 })), { maxLength: 30 }), async (parts) => {
        const result = await load(parts.join(''));
        if (result.ok) expect(Bowl.safeParse(result.bowl).success).toBe(true);
        else expect(result.problems.some((problem) => problem.severity === 'error')).toBe(true);
      }),
    );
  });
});

describe('explaining', () => {
  it('finds something wrong exactly when the schema and the rules do', () => {
    const junk = fc.oneof(
      fc.constant(null),
      fc.integer(),
      fc.string(),
      fc.boolean(),
      fc.constant([]),
      fc.constant({}),
      fc.constant({ image: 'x' }),
      fc.constant(['x']),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...EVERY_KEY),
        fc.nat(),
        junk,
        fc.constantFrom('set', 'remove', 'add'),
        (bowl, pick, value, action) => {
          const changed = change(structuredClone(bowl), pick, value, action);
          const node = locate(changed, {
            kind: 'scalar',
            value: null,
            source: '',
            at: { file: 'a', line: 1, column: 1 },
          });
          const refused = !Bowl.safeParse(changed).success;
          const explained = explain(node, Bowl).length > 0;
          const ruled = checkRules(node).some((problem) => problem.severity === 'error');
          if (refused) expect(explained || ruled).toBe(true);
          else expect(explained).toBe(false);
        },
      ),
      { numRuns: 500 },
    );
  });
});

/** Changes the pick-th map or list somewhere in the value. */
function change(root: Record<string, unknown>, pick: number, value: unknown, action: string): Record<string, unknown> {
  const places: [Record<string, unknown>, string][] = [];
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      places.push([node as Record<string, unknown>, key]);
      collect((node as Record<string, unknown>)[key]);
    }
  };
  collect(root);
  const [parent, key] = places[pick % places.length] ?? [root, 'name'];
  if (action === 'set') parent[key] = value;
  else if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else if (action === 'remove') delete parent[key];
  else parent['zzz'] = value;
  return root;
}
