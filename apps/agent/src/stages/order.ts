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
    const { part, before, later } = placesOf(steps, name);
    for (const place of part) waits.add(place);
    if (part.length > 0 || before.length > 0) continue;
    const why = later.length > 0 ? 'runs later in any case' : 'is no step of this stage';
    warnings.push(`${ordered.document.file}: step "${stepLabel(ordered)}" is to run after "${name}", which ${why}`);
  }
  return waits;
}

/** Places of the steps that a name means: by their names, or else by their numbers. */
function placesOf<K extends string>(parts: Record<K, readonly OrderedStep[]>, name: string): Record<K, number[]> {
  const places = (wordOf: (ordered: OrderedStep) => string | number) => {
    const found = Object.entries<readonly OrderedStep[]>(parts).map(([part, steps]) => [
      part,
      steps.flatMap((ordered, place) => {
        const { name: title, file } = ordered.document;
        return [title, file].some((prefix) => name === `${prefix}.${wordOf(ordered)}`) ? [place] : [];
      }),
    ]);
    return Object.fromEntries(found) as Record<K, number[]>;
  };
  const named = places(({ step, index }) => step.name ?? index);
  const isNamed = Object.values<number[]>(named).some((found) => found.length > 0);
  return isNamed ? named : places(({ index }) => index);
}

/** Always the first step that waits for nothing more; steps of a cycle do not wait for each other. */
function sortPart(part: readonly OrderedStep[], waits: readonly Set<number>[], warnings: string[]): OrderedStep[] {
  for (let left = sortedPlaces(waits).left; left.size > 0; left = sortedPlaces(waits, left).left) {
    breakCycle(findCycle(left, waits), part, waits, warnings);
  }
  return sortedPlaces(waits).sorted.flatMap((place) => part[place] ?? []);
}

/** Places in order, and those that wait for each other. */
function sortedPlaces(
  waits: readonly Set<number>[],
  places: Iterable<number> = waits.keys(),
): { sorted: number[]; left: Set<number> } {
  const left = new Set(places);
  const sorted: number[] = [];
  const nextReady = () => {
    for (const place of left) if (![...(waits[place] ?? [])].some((other) => left.has(other))) return place;
    return undefined;
  };
  for (let ready = nextReady(); ready !== undefined; ready = nextReady()) {
    left.delete(ready);
    sorted.push(ready);
  }
  return { sorted, left };
}

/** Every step that is left waits for one that is left, so following them leads into a cycle. */
function findCycle(left: ReadonlySet<number>, waits: readonly Set<number>[]): number[] {
  const path: number[] = [];
  let place = first(left);
  while (place !== undefined && !path.includes(place)) {
    path.push(place);
    place = first([...(waits[place] ?? [])].filter((other) => left.has(other)));
  }
  return path.slice(path.indexOf(place ?? 0));
}

function first(places: Iterable<number>): number | undefined {
  return [...places].toSorted((a, b) => a - b)[0];
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
