import { randomBytes } from 'node:crypto';
import { AgentError } from '../error.ts';
import type { InstallPlan } from '../install/plan.ts';
import { confirmationFor } from '../install-choice/plan-view.ts';

/** Plans that were shown and not yet confirmed; older ones are dropped. */
const MAX_PLANS = 8;

/** Keeps the plans that were shown: what is installed is what somebody has read, not what a request says. */
export class PlanShelf {
  readonly #plans = new Map<string, InstallPlan>();

  /** The name by which a plan can be confirmed. */
  keep(plan: InstallPlan): string {
    const [oldest] = this.#plans.keys();
    if (oldest !== undefined && this.#plans.size >= MAX_PLANS) this.#plans.delete(oldest);
    const id = randomBytes(16).toString('hex');
    this.#plans.set(id, plan);
    return id;
  }

  /** The plan of that name. Throws AgentError USAGE when there is none, or when what it erases was not confirmed. */
  take(id: string, confirmation: string): InstallPlan {
    const plan = this.#plans.get(id);
    if (plan === undefined) {
      throw new AgentError({ code: 'USAGE', message: 'this plan is too old', hint: 'Review the installation again.' });
    }
    const wanted = confirmationFor(plan);
    if (wanted !== undefined && confirmation.trim() !== wanted) {
      throw new AgentError({
        code: 'USAGE',
        message: `what is on ${plan.disk.path} would be erased, and that was not confirmed`,
        hint: `Type ${wanted} to confirm.`,
      });
    }
    return plan;
  }
}
