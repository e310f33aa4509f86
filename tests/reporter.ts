import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** What a run of vitest came to. */
export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
  /** `file > test: reason` of every test that did not run. */
  skips: string[];
}

/**
 * Prints a line per file with its time, every failure and every skip with its reason; writes the counts as JSON to the
 * file that BOWLINE_TEST_COUNTS names, for the program that sums up several runs.
 */
export default class CountingReporter implements Reporter {
  readonly #counts: TestCounts = { passed: 0, failed: 0, skipped: 0, skips: [] };

  onTestCaseResult(test: TestCase): void {
    const result = test.result();
    const title = `${relative(process.cwd(), test.module.moduleId)} > ${test.fullName}`;
    if (result.state === 'passed') this.#counts.passed++;
    if (result.state === 'skipped') {
      this.#counts.skipped++;
      this.#counts.skips.push(`${title}: ${result.note ?? 'no reason given'}`);
    }
    if (result.state === 'failed') {
      this.#counts.failed++;
      console.log(`FAIL ${title}`);
      for (const error of result.errors)
        console.log(indent(`${error.stack ?? error.message}\n${error.diff ?? ''}`.trim()));
    }
  }

  onTestModuleEnd(module: TestModule): void {
    const seconds = (module.diagnostic().duration / 1000).toFixed(1);
    console.log(`${module.ok() ? 'ok  ' : 'FAIL'} ${relative(process.cwd(), module.moduleId)} (${seconds} s)`);
    // A file that does not even load has no tests that could fail.
    for (const error of module.errors()) this.#fail(`${module.moduleId}: ${error.stack ?? error.message}`);
  }

  onTestRunEnd(_modules: readonly TestModule[], unhandled: readonly { stack?: string; message: string }[]): void {
    for (const error of unhandled) this.#fail(`outside of every test: ${error.stack ?? error.message}`);
    const path = process.env['BOWLINE_TEST_COUNTS'];
    if (path !== undefined) appendFileSync(path, JSON.stringify(this.#counts));
  }

  #fail(what: string): void {
    this.#counts.failed++;
    console.log(`FAIL ${indent(what).trim()}`);
  }
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `     ${line}`)
    .join('\n');
}
