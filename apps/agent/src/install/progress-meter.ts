import type { InstallOptions, InstallPlan, InstallStep, InstallStepName } from './plan.ts';

const REPORT_EVERY_MS = 250;
/** Too early an estimate is worse than none. */
const ESTIMATE_AFTER_MS = 3000;

/** Counts bytes over the steps of an installation, and says several times a second how far it is. */
export class ProgressMeter {
  readonly #steps: readonly InstallStep[];
  readonly #report: InstallOptions['onProgress'];
  readonly #now: () => number;
  readonly #startedAt: number;
  #index = 0;
  #stepDone = 0;
  #before = 0;
  #reportedAt = 0;

  constructor({ steps }: Pick<InstallPlan, 'steps'>, report: InstallOptions['onProgress'], now: () => number) {
    this.#steps = steps;
    this.#report = report;
    this.#now = now;
    this.#startedAt = now();
  }

  /** Begins a step; those before it are done. A step that the plan left out counts for the one before. */
  begin(name: InstallStepName): void {
    const index = this.#steps.findIndex((step) => step.name === name);
    if (index < 0) return;
    this.#index = index;
    this.#before = this.#steps.slice(0, index).reduce((sum, { bytes }) => sum + bytes, 0);
    this.#stepDone = 0;
    this.#say(true);
  }

  /** More bytes of this step are done. */
  add(bytes: number): void {
    this.#stepDone += bytes;
    this.#say(false);
  }

  /** So many bytes of this step are done. */
  set(bytes: number): void {
    this.#stepDone = bytes;
    this.#say(false);
  }

  /** The step that is under way. */
  get step(): InstallStep {
    return this.#steps[this.#index] ?? { name: 'prepare', title: '', bytes: 0 };
  }

  #say(always: boolean): void {
    const now = this.#now();
    if (!always && now - this.#reportedAt < REPORT_EVERY_MS) return;
    this.#reportedAt = now;
    const totalBytes = this.#steps.reduce((sum, { bytes }) => sum + bytes, 0);
    const doneBytes = Math.min(this.#stepDone, this.step.bytes);
    const totalDoneBytes = this.#before + doneBytes;
    const elapsed = now - this.#startedAt;
    const canTell = elapsed >= ESTIMATE_AFTER_MS && totalDoneBytes > 0;
    this.#report?.({
      step: this.step,
      stepIndex: this.#index,
      doneBytes,
      totalDoneBytes,
      totalBytes,
      secondsLeft: canTell ? Math.ceil(((elapsed / totalDoneBytes) * (totalBytes - totalDoneBytes)) / 1000) : undefined,
    });
  }
}
