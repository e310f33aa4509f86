import { describe, expect, it } from 'vitest';
import { formatProblem } from '../problem.ts';
import { walkFields } from '../schema/describe.ts';
import { toValue } from '../yaml/located.ts';
import { parseYaml } from '../yaml/parse.ts';
import { EVERY_KEY } from './every-key.testdata.ts';
import { loadMachineDocument } from './load.ts';
import { NOT_APPLIED_YET, notAppliedKeys } from './not-applied.ts';
import { isMachineText } from './recognize.ts';
import { MachineConfig } from './schema.ts';
import { stageSequence } from './stage-names.ts';
import { PLUGIN_KEYS, Step } from './step.ts';

const fields = [...walkFields(MachineConfig)];
const META_KEYS = ['description', 'examples', 'secret', 'taughtAs', 'mistakes', 'dead', 'modeUnlessGiven', 'separator'];
/** Named like secrets, yet public or no secret. */
const PUBLIC = /ssh_authorized_keys$|authorized_keys$|lock_passwd$|public_key$|cosign-key$|skip_copy_kcrypt_plugin$/;

describe('the schema of cloud-configs', () => {
  it.each(fields.map((field) => [field.path, field] as const))(
    '%s says what it is and shows values that parse',
    (_path, field) => {
      expect(field.meta.description).toMatch(/^\S.{3,}[.)]$/s);
      expect(field.meta.examples?.length).toBeGreaterThan(0);
      for (const example of field.meta.examples ?? []) {
        expect(field.schema.safeParse(example), JSON.stringify(example)).toMatchObject({ success: true });
      }
      expect(Object.keys(field.meta).filter((key) => !META_KEYS.includes(key))).toEqual([]);
    },
  );

  it('marks everything that sounds like a secret', () => {
    const suspicious = fields.filter((field) =>
      /pass(wd|word)|secret|token|credential|private|keys?$/i.test(field.key),
    );
    const shown = suspicious.filter((field) => !field.meta.secret && !PUBLIC.test(field.path));
    expect(shown.map((field) => field.path)).toEqual([]);
  });

  it('takes every key of the reference without a word', () => {
    const { document, problems } = loadMachineDocument({ path: 'all.yaml', text: EVERY_KEY }, { strict: true });
    expect(problems.map(formatProblem)).toEqual([]);
    expect(Object.keys(document?.stages['boot']?.at(-1) ?? {})).toEqual(expect.arrayContaining([...PLUGIN_KEYS]));
  });

  it('has no key beyond the reference but those that nothing reads', () => {
    const written = toValue(
      parseYaml({ path: 'a', text: EVERY_KEY }).node ?? {
        kind: 'map',
        entries: [],
        at: { file: '', line: 1, column: 1 },
      },
    );
    const missing = Object.keys(MachineConfig.shape).filter((key) => !Object.hasOwn(written as object, key));
    expect(missing).toEqual(['platform', 'fullcloudconfig']);
    const step = (written as { stages: { boot: object[] } }).stages.boot[0] ?? {};
    expect(Object.keys(Step.shape).filter((key) => !Object.hasOwn(step, key))).toEqual([]);
  });
});

describe('keys that are not applied yet', () => {
  it('are keys of the schema', () => {
    expect(Object.keys(NOT_APPLIED_YET).filter((key) => !Object.hasOwn(MachineConfig.shape, key))).toEqual([]);
  });

  it.each([
    [{ k3s: { enabled: true }, hostname: 'a', install: { auto: true }, 'eject-cd': true }, ['k3s', 'eject-cd']],
    [{ k3s: {}, bundles: [], verify: false, arch: '', strict: null }, []],
    [{ constructor: 1, toString: 1 }, []],
    [{}, []],
  ])('are named when they are set: %j', (values, keys) => {
    expect(notAppliedKeys(values).map(({ key }) => key)).toEqual(keys);
    expect(notAppliedKeys(values).every(({ reason }) => reason.length > 10)).toBe(true);
  });
});

describe('isMachineText', () => {
  it.each([
    ['#cloud-config\n', true],
    ['# template\n#kairos-config\na: b\n', true],
    ['stages:\n  boot: []\n', true],
    ['cat <<EOF\n#cloud-config\n', true],
    ['a: |\n    #cloud-config\n', true],
    ['apiVersion: v1\nkind: Pod\n', true],
    ['', true],
    ['apiVersion: bowline/v1\nname: a\n', false],
    ['apiVersion: "bowline/v2"\n', false],
    ['apiVersion: boline/v1\nname: x\n', false],
    ['extends: starter\n', false],
    ['name: a\nbase: {image: b}\n', false],
    ['#cloud-config\napiVersion: bowline/v1\n', true],
  ])('%j: %s', (text, expected) => {
    expect(isMachineText(text)).toBe(expected);
  });
});

describe('stageSequence', () => {
  it('runs before, the stage and after', () => {
    expect(stageSequence('boot')).toEqual(['boot.before', 'boot', 'boot.after']);
    expect(stageSequence('boot.after')).toEqual(['boot.after.before', 'boot.after', 'boot.after.after']);
  });
});
