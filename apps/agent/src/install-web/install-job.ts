import { AgentError } from '../error.ts';
import type { InstallPlan, InstallProgress, InstallResult } from '../install/plan.ts';
import type { InstallEngine } from '../install-choice/engine.ts';
import { type ErrorDocument, errorDocument } from '../output.ts';

/** How far the installation of this run is, as the page shows it; whole in every event, so that none can be missed. */
export interface JobView {
  /** Grows with every change. */
  sequence: number;
  state: 'idle' | 'running' | 'done' | 'failed';
  disk?: string;
  system?: string;
  steps?: readonly { title: string; state: 'waiting' | 'running' | 'done' | 'failed' }[];
  /** Of the whole installation. */
  doneBytes?: number;
  totalBytes?: number;
  secondsLeft?: number | undefined;
  error?: ErrorDocument['error'];
  result?: { seconds: number; warnings: readonly string[]; after: InstallPlan['after'] };
}

/** The installation that the page started, and who watches it. */
export class InstallJob {
  readonly #engine: InstallEngine;
  readonly #watchers = new Set<(view: JobView) => void>();
  #view: JobView = { sequence: 0, state: 'idle' };
  #stopper = new AbortController();
  #ended: Promise<void> = Promise.resolve();

  constructor(engine: InstallEngine) {
    this.#engine = engine;
  }

  get view(): JobView {
    return this.#view;
  }

  /** Begins an installation; AgentError LIFECYCLE_BUSY while one runs or when one is done. `signal` stops it. */
  start(plan: InstallPlan, signal: AbortSignal): void {
    if (this.#view.state === 'running' || this.#view.state === 'done') throw busy(this.#view.state);
    this.#stopper = new AbortController();
    const steps = plan.steps.map(({ title }) => ({ title, state: 'waiting' as const }));
    const totalBytes = plan.steps.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#view = {
      sequence: this.#view.sequence,
      state: 'running',
      disk: plan.disk.path,
      system: `${plan.system.name} ${plan.system.version}`,
      steps,
      doneBytes: 0,
      totalBytes,
    };
    this.#change({});
    this.#ended = this.#run(plan, AbortSignal.any([signal, this.#stopper.signal]));
  }

  /** Stops the installation that runs: the disk then starts nothing. */
  stop(): void {
    this.#stopper.abort(new AgentError({ code: 'WRITE_FAILED', message: 'the installation was stopped' }));
  }

  /** Resolves when nothing runs. */
  ended(): Promise<void> {
    return this.#ended;
  }

  /** Calls `watcher` with the view as it is, and at every change; the result ends that. */
  watch(watcher: (view: JobView) => void): () => void {
    this.#watchers.add(watcher);
    watcher(this.#view);
    return () => void this.#watchers.delete(watcher);
  }

  async #run(plan: InstallPlan, signal: AbortSignal): Promise<void> {
    try {
      const result = await this.#engine.run(plan, { signal, onProgress: (progress) => this.#progress(progress) });
      this.#done(plan, result);
    } catch (error) {
      const steps = this.#view.steps?.map((step) =>
        step.state === 'running' ? { ...step, state: 'failed' as const } : step,
      );
      const reason: unknown = this.#stopper.signal.aborted ? this.#stopper.signal.reason : error;
      this.#change({ state: 'failed', error: errorDocument(reason).error, ...(steps === undefined ? {} : { steps }) });
    }
  }

  #progress({ stepIndex, totalDoneBytes, totalBytes, secondsLeft }: InstallProgress): void {
    const steps = this.#view.steps?.map(({ title }, index) => ({
      title,
      state: index < stepIndex ? ('done' as const) : index === stepIndex ? ('running' as const) : ('waiting' as const),
    }));
    this.#change({ steps: steps ?? [], doneBytes: totalDoneBytes, totalBytes, secondsLeft });
  }

  #done(plan: InstallPlan, { seconds, warnings }: InstallResult): void {
    const steps = this.#view.steps?.map(({ title }) => ({ title, state: 'done' as const }));
    const doneBytes = this.#view.totalBytes ?? 0;
    const result = { seconds, warnings, after: plan.after };
    this.#change({ state: 'done', steps: steps ?? [], doneBytes, secondsLeft: 0, result });
  }

  #change(change: Partial<JobView>): void {
    this.#view = { ...this.#view, ...change, sequence: this.#view.sequence + 1 };
    for (const watcher of this.#watchers) watcher(this.#view);
  }
}

function busy(state: 'running' | 'done'): AgentError {
  return new AgentError({
    code: 'LIFECYCLE_BUSY',
    message: state === 'running' ? 'an installation runs already' : 'the system is installed already',
    hint: state === 'running' ? 'Watch it on this page.' : 'Restart the machine.',
  });
}
