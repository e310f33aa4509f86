import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { parseRecord } from './parse-record.ts';
import {
  EMPTY_RECORD,
  findBadImage,
  findVersion,
  judgeVersion,
  MAX_VERSIONS,
  rememberPending,
  rememberVersion,
  type VersionRecord,
} from './record.ts';
import { changeLifecycleRecord, LIFECYCLE_RECORD_FILE, readLifecycleRecord } from './record-file.ts';

const AT = '2026-01-02T03:04:05.000Z';
const version = (generation: VersionRecord['generation'], image = `sha256:${generation}`): VersionRecord => ({
  generation,
  name: 'edge',
  version: `1.${generation}`,
  imageId: image,
  ukiDigest: `sha256:uki-${generation}`,
  rootHash: '00'.repeat(32),
  slot: 'b',
  verdict: 'trial',
  at: AT,
});

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine();
});
afterEach(() => test.remove());

describe('what a machine remembers of its versions', () => {
  it('is nothing at first, and stays over processes', async () => {
    expect(await readLifecycleRecord(test.machine)).toEqual({ record: EMPTY_RECORD });
    await changeLifecycleRecord(test.machine, (record) => rememberVersion(record, version(2)));
    expect((await readLifecycleRecord(test.machine)).record.versions).toEqual([version(2)]);
  });

  it('loses no change when two processes make one', async () => {
    const generations = Array.from({ length: 10 }, (_, index) => index + 1);
    await Promise.all(
      generations.map((one) => changeLifecycleRecord(test.machine, (record) => rememberVersion(record, version(one)))),
    );
    const { versions } = (await readLifecycleRecord(test.machine)).record;
    expect(versions.map(({ generation }) => Number(generation)).toSorted((a, b) => a - b)).toEqual(generations);
  });

  it('keeps a bad image in mind when its generation is gone, until it has proved itself', () => {
    let record = rememberVersion(EMPTY_RECORD, version(2, 'sha256:x'));
    record = judgeVersion(record, 2, { verdict: 'bad', reason: 'The check http failed.', at: AT });
    expect(findVersion(record, 2)).toMatchObject({ verdict: 'bad', reason: 'The check http failed.' });
    for (let next = 3; next < 3 + MAX_VERSIONS; next += 1) record = rememberVersion(record, version(next));
    expect(findVersion(record, 2)).toBeUndefined();
    expect(findBadImage(record, 'sha256:x')).toMatchObject({ reason: 'The check http failed.', version: '1.2' });
    record = rememberVersion(record, version(99, 'sha256:x'));
    record = judgeVersion(record, 99, { verdict: 'blessed', at: AT });
    expect(findBadImage(record, 'sha256:x')).toBeUndefined();
    expect(findVersion(record, 99)).not.toHaveProperty('reason');
  });

  it('knows of an upgrade that was not finished until its version is there', () => {
    const pending = { imageId: 'i', name: 'n', version: '2', generation: 2, slot: 'b', startedAt: AT } as const;
    const record = rememberPending(EMPTY_RECORD, pending);
    expect(parseRecord(JSON.stringify(record))).toEqual(record);
    expect(rememberVersion(record, version(2)).pending).toBeUndefined();
  });

  it('changes nothing for a generation it does not know', () => {
    expect(judgeVersion(EMPTY_RECORD, 7, { verdict: 'blessed', at: AT })).toBe(EMPTY_RECORD);
  });
});

describe('a record that cannot be used', () => {
  const put = async (text: string) => {
    const path = join(test.root, LIFECYCLE_RECORD_FILE);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    return path;
  };

  it.each([
    ['half a file', '{"recordVersion":1,"versi'],
    ['nothing', ''],
    ['zeros', '\0'.repeat(512)],
    ['one of a later version', '{"recordVersion":2}'],
    ['another document', '[1]'],
    ['a version that is none', '{"recordVersion":1,"versions":[{"generation":"x"}]}'],
  ])('is reported and kept, and the next change begins a new one: %s', async (_what, text) => {
    const path = await put(text);
    const found = await readLifecycleRecord(test.machine);
    expect(found).toMatchObject({ record: EMPTY_RECORD, trouble: { code: 'STATE_CORRUPT' } });
    await changeLifecycleRecord(test.machine, (record) => rememberVersion(record, version(1)));
    expect(await readLifecycleRecord(test.machine)).toEqual({ record: { ...EMPTY_RECORD, versions: [version(1)] } });
    expect(await readFile(`${path}.corrupt`, 'utf8')).toBe(text);
    expect((await readdir(dirname(path))).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'lifecycle.json',
      'lifecycle.json.corrupt',
    ]);
  });

  it('comes back as it was written, whatever it holds', () => {
    const record = fc.record({
      recordVersion: fc.constant(1 as const),
      versions: fc.array(
        fc.record({
          ...Object.fromEntries(
            (['name', 'version', 'imageId', 'ukiDigest', 'rootHash', 'at', 'reason'] as const).map((key) => [
              key,
              fc.string(),
            ]),
          ),
          generation: fc.oneof(fc.constant('recovery'), fc.integer({ min: 1 })),
          slot: fc.constantFrom('a', 'b', 'recovery'),
          verdict: fc.constantFrom('trial', 'blessed', 'bad'),
        }),
        { maxLength: 5 },
      ),
      badImages: fc.constant([]),
    });
    fc.assert(
      fc.property(record, (one) => {
        expect(parseRecord(JSON.stringify(one))).toEqual(one);
      }),
    );
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(() => parseRecord(text)).toThrow(Error);
      }),
    );
  });
});
