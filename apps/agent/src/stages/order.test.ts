import { type MachineDocument, type Step, stageSequence } from '@bowline/spec';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { orderSteps, stepLabel } from './order.ts';

type Steps = Record<string, Step[]>;

/** Documents in the order of their files. */
function documents(files: Record<string, Steps>, names: Record<string, string> = {}): MachineDocument[] {
  return Object.entries(files).map(([file, stages]) => ({ file, name: names[file] ?? file, values: {}, stages }));
}

function order(files: Record<string, Steps>, names?: Record<string, string>) {
  const { steps, warnings } = orderSteps('boot', documents(files, names));
  return { order: steps.map(stepLabel).join(' '), warnings };
}

const step = (name: string, ...after: string[]): Step => ({
  name,
  ...(after.length > 0 ? { after: after.map((other) => ({ name: other })) } : {}),
});

describe('the order of a stage', () => {
  it.each<[rule: string, files: Record<string, Steps>, expected: string]>([
    ['nothing gives nothing', {}, ''],
    ['steps of a file run in their order', { a: { boot: [step('2'), step('1')] } }, 'a.2 a.1'],
    ['files run one after another', { a: { boot: [step('x'), step('y')] }, b: { boot: [step('x')] } }, 'a.x a.y b.x'],
    [
      'a file without steps of the stage breaks no order',
      { a: { boot: [step('x')] }, b: { fs: [step('x')] }, c: { boot: [step('x')] } },
      'a.x c.x',
    ],
    [
      'before, the stage, after',
      { a: { 'boot.after': [step('3')], 'boot.before': [step('1')], boot: [step('2')] } },
      'a.1 a.2 a.3',
    ],
    [
      'before of a later file comes before the stage of an earlier one',
      { a: { boot: [step('x')] }, b: { 'boot.before': [step('y')] } },
      'b.y a.x',
    ],
    ['steps without a name have their number', { a: { boot: [{}, {}] } }, 'a.0 a.1'],
    ['after moves a step behind', { a: { boot: [step('1', 'a.2'), step('2'), step('3')] } }, 'a.2 a.1 a.3'],
    ['after what ran already moves nothing', { a: { boot: [step('1'), step('2', 'a.1'), step('3')] } }, 'a.1 a.2 a.3'],
    ['after a number', { a: { boot: [step('x', 'a.2'), step('y'), {}] } }, 'a.y a.2 a.x'],
    ['after the number of a step that has a name', { a: { boot: [step('x', 'a.1'), step('y')] } }, 'a.y a.x'],
    ['a name comes before a number', { a: { boot: [step('x', 'a.1'), step('y'), step('1')] } }, 'a.y a.1 a.x'],
    ['after a step of a later file', { a: { boot: [step('1', 'b.1')] }, b: { boot: [step('1')] } }, 'b.1 a.1'],
    [
      'after several steps',
      { a: { boot: [step('1', 'a.3', 'a.2'), step('2'), step('3'), step('4')] } },
      'a.2 a.3 a.1 a.4',
    ],
    ['after a chain', { a: { boot: [step('1', 'a.2'), step('2', 'a.3'), step('3')] } }, 'a.3 a.2 a.1'],
    [
      'after a name that several steps have waits for all of them',
      { a: { boot: [step('1', 'a.x'), step('x'), step('2'), step('x')] } },
      'a.x a.2 a.x a.1',
    ],
    [
      'after a step of before is always so',
      { a: { 'boot.before': [step('1')], boot: [step('2', 'a.1'), step('3')] } },
      'a.1 a.2 a.3',
    ],
    ['a name with dots', { 'a.b.yaml': { boot: [step('1', 'a.b.yaml.x.y'), step('x.y')] } }, 'a.b.yaml.x.y a.b.yaml.1'],
    ['a stage called like a member of every object', { a: { constructor: [step('1')] } }, ''],
  ])('%s', (_rule, files, expected) => {
    expect(order(files)).toEqual({ order: expected, warnings: [] });
  });

  it('knows a document by its name and by its file', () => {
    const names = { '/oem/a.yaml': 'base' };
    const files = { '/oem/a.yaml': { boot: [step('1', 'base.3'), step('2', '/oem/a.yaml.3'), step('3')] } };
    expect(order(files, names)).toEqual({ order: 'base.3 base.1 base.2', warnings: [] });
  });

  it.each<[what: string, files: Record<string, Steps>, expected: string, warning: string]>([
    ['a name that is nowhere', { a: { boot: [step('1', 'b.1'), step('2')] } }, 'a.1 a.2', '"b.1", which is no step'],
    ['a step of another stage', { a: { boot: [step('1', 'a.f')], fs: [step('f')] } }, 'a.1', 'which is no step'],
    [
      'a step that comes later anyway',
      { a: { boot: [step('1', 'a.z')], 'boot.after': [step('z')] } },
      'a.1 a.z',
      'which runs later in any case',
    ],
    ['a step that waits for itself', { a: { boot: [step('1', 'a.1'), step('2')] } }, 'a.1 a.2', '("a.1" after "a.1")'],
    [
      'two that wait for each other',
      { a: { boot: [step('1', 'a.2'), step('2', 'a.1'), step('3')] } },
      'a.1 a.2 a.3',
      '("a.1" after "a.2" after "a.1")',
    ],
    [
      'a cycle over files',
      { a: { boot: [step('1', 'b.1')] }, b: { boot: [step('1', 'c.1')] }, c: { boot: [step('1', 'a.1')] } },
      'a.1 b.1 c.1',
      '("a.1" after "b.1" after "c.1" after "a.1")',
    ],
    [
      'a step that waits for a cycle',
      { a: { boot: [step('0', 'a.1'), step('1', 'a.2'), step('2', 'a.1')] } },
      'a.1 a.0 a.2',
      '("a.1" after "a.2" after "a.1")',
    ],
  ])('reports %s, and runs everything', (_what, files, expected, warning) => {
    const ordered = order(files);
    expect(ordered.order).toBe(expected);
    expect(ordered.warnings).toHaveLength(1);
    expect(ordered.warnings[0]).toContain(warning);
  });

  it('reports every cycle', () => {
    const files = { a: { boot: [step('1', 'a.2'), step('2', 'a.1'), step('3', 'a.4'), step('4', 'a.3')] } };
    expect(order(files)).toMatchObject({ order: 'a.1 a.2 a.3 a.4', warnings: { length: 2 } });
  });

  it('goes with the names of the spec', () => {
    const stages = Object.fromEntries(stageSequence('boot').map((part) => [part, [step(part)]]));
    const { steps } = orderSteps('boot', documents({ a: stages }));
    expect(steps.map(({ stage }) => stage)).toEqual(stageSequence('boot'));
  });

  it('has every step once, and keeps every wish that is no part of a cycle', () => {
    const wish = fc.tuple(fc.nat(3), fc.nat(4)).map(([file, index]) => ({ name: `f${file}.${index}` }));
    const steps = fc.array(
      fc.record({ after: fc.array(wish, { maxLength: 2 }) }).map((made): Step => made),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 4 }), (files) => {
        const given = documents(Object.fromEntries(files.map((boot, file) => [`f${file}`, { boot }])));
        const ordered = orderSteps('boot', given);
        const labels = ordered.steps.map(stepLabel);
        const expected = files.flatMap((list, file) => list.map((_step, index) => `f${file}.${index}`));
        expect(labels.toSorted()).toEqual(expected.toSorted());
        expect(orderSteps('boot', given)).toEqual(ordered);
        if (ordered.warnings.length > 0) return;
        for (const [place, { step: planned }] of ordered.steps.entries()) {
          for (const { name } of planned.after ?? []) expect(labels.indexOf(name)).toBeLessThan(place);
        }
      }),
    );
  });
});
