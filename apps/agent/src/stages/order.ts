import type { MachineDocument, Step } from '@bowline/spec';

/** A step in its place. */
export interface OrderedStep {
  stage: string;
  document: MachineDocument;
  /** 0-based place in the document's list for the stage. */
  index: number;
  step: Step;
}

/** The steps of a stage in the order in which they run, and what was wrong with the order that was asked for. */
export interface StageOrder {
  steps: OrderedStep[];
  warnings: string[];
}

/**
 * Total order of a stage: `<name>.before`, `<name>`, `<name>.after`; in each of them documents in their order, steps in
 * theirs. A step with `after` moves behind the steps it names, and no further than it must.
 */
export function orderSteps(stage: string, documents: readonly MachineDocument[]): StageOrder {
  const order: StageOrder = { steps: [], warnings: [] };
  const parts = [`${stage}.before`, stage, `${stage}.after`].map((part) =>
    documents.flatMap((document) => stepsOf(document, part)),
  );
  for (const [number, part] of parts.entries()) {
    const before = parts.slice(0, number).flat();
    const later = parts.slice(number + 1).flat();
    const waits = part.map((ordered) => resolveAfter(ordered, { before, part, later }, order.warnings));
    order.steps.push(...sortPart(part, waits, order.warnings));
  }
  return order;
}

/** `FILE.STEP` as messages and `after` name it. */
export function stepLabel({ document, index, step }: OrderedStep): string {
  return `${document.name}.${step.name ?? index}`;
}

function stepsOf(document: MachineDocument, stage: string): OrderedStep[] {
  // A document is data: a stage may be called "constructor".
  const steps = Object.hasOwn(document.stages, stage) ? (document.stages[stage] ?? []) : [];
  return steps.map((step, index) => ({ stage, document, index, step }));
}

/** Places (in the part) of the steps a step waits for. */
function resolveAfter(
  ordered: OrderedStep,
  steps: { before: readonly OrderedStep[]; part: readonly OrderedStep[]; later: readonly OrderedStep[] },
  warnings: string[],
): Set<number> {
  const waits = new Set<number>();
  for (const { name } of ordered.step.after ?? []) {
    const places = steps.part.flatMap((candidate, place) => (answersTo(candidate, name) ? [place] : []));
    for (const place of places) waits.add(place);
    if (places.length > 0 || steps.before.some((candidate) => answersTo(candidate, name))) continue;
    const isLater = steps.later.some((candidate) => answersTo(candidate, name));
    const why = isLater ? 'runs later in any case' : 'is no step of this stage';
    warnings.push(`${ordered.document.file}: step "${stepLabel(ordered)}" is to run after "${name}", which ${why}`);
  }
  return waits;
}

function answersTo({ document, index, step }: OrderedStep, name: string): boolean {
  return [document.name, document.file].some(
    (file) => name === `${file}.${index}` || (step.name !== undefined && name === `${file}.${step.name}`),
  );
}

/** Always the first step that waits for nothing more; cycles are reported, and their steps run in file order. */
function sortPart(part: readonly OrderedStep[], waits: readonly Set<number>[], warnings: string[]): OrderedStep[] {
  const left = new Set(part.keys());
  const sorted: OrderedStep[] = [];
  const isReady = (place: number) => [...(waits[place] ?? [])].every((other) => !left.has(other));
  while (left.size > 0) {
    const ready = [...left].find(isReady);
    if (ready === undefined) {
      breakCycle(findCycle(left, waits), part, waits, warnings);
      continue;
    }
    left.delete(ready);
    const ordered = part[ready];
    if (ordered !== undefined) sorted.push(ordered);
  }
  return sorted;
}

/** Every step that is left waits for one that is left, so following them leads into a cycle. */
function findCycle(left: ReadonlySet<number>, waits: readonly Set<number>[]): number[] {
  const path: number[] = [];
  let place = Math.min(...left);
  while (!path.includes(place)) {
    path.push(place);
    place = Math.min(...[...(waits[place] ?? [])].filter((other) => left.has(other)));
  }
  return path.slice(path.indexOf(place));
}

function breakCycle(
  cycle: readonly number[],
  part: readonly OrderedStep[],
  waits: readonly Set<number>[],
  warnings: string[],
): void {
  const labels = [...cycle, cycle[0]].flatMap((place) => {
    const ordered = place === undefined ? undefined : part[place];
    return ordered === undefined ? [] : [`"${stepLabel(ordered)}"`];
  });
  warnings.push(`steps wait for each other (${labels.join(' after ')}): they run in file order`);
  for (const place of cycle) for (const other of cycle) waits[place]?.delete(other);
}
