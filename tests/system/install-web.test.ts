import { setTimeout as sleep } from 'node:timers/promises';
import type { SystemNeed } from '@bowline/host';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServedPage, servePage } from '../../apps/agent/src/install-web/page-client.testdata.ts';
import { type BrowserPage, withBrowser } from './fixtures/browser.ts';
import { lacks, type Skippable } from './fixtures/machine.ts';

const BROWSER: SystemNeed = { title: 'chromium', anyOf: ['chromium'], debianPackages: ['chromium'] };
const NO_BROWSER = 'chromium is not installed, and only the long matrix fetches its 300 MB: apt-get install chromium';
const SIZES = [
  [360, 740],
  [768, 1024],
  [1280, 800],
] as const;

let served: ServedPage;
let release: () => void = () => undefined;

beforeAll(async () => {
  served = await servePage();
  served.engine.work = async (report) => {
    report(2, 200 * 2 ** 20);
    await new Promise<void>((resolve) => (release = resolve));
    report(5, 0);
  };
});
afterAll(() => served.stop());

async function inBrowser(ctx: Skippable, work: (page: BrowserPage) => Promise<true>): Promise<void> {
  const missing = process.env['BOWLINE_TEST_ALL'] === '1' ? await lacks(BROWSER) : NO_BROWSER;
  if ((await withBrowser(work)) === undefined) ctx.skip(missing);
}

const focused = (page: BrowserPage) =>
  page.evaluate<string>('document.activeElement.id || document.activeElement.value');
const text = (page: BrowserPage, id: string) => page.evaluate<string>(`document.getElementById('${id}').innerText`);

/** Presses Tab until the element with this ID, or of this value, has the focus. */
async function tabTo(page: BrowserPage, wanted: string): Promise<void> {
  for (let count = 0; count < 40; count += 1) {
    if ((await focused(page)) === wanted) return;
    await page.press('Tab');
  }
  throw new Error(`${wanted} cannot be reached by keyboard`);
}

/** Every screen at every size, in both schemes: nothing is cut off, every field has a label, texts have contrast. */
async function checkScreen(page: BrowserPage, name: string): Promise<void> {
  for (const [width, height] of SIZES) {
    for (const scheme of ['light', 'dark'] as const) {
      await page.resize(width, height);
      await page.scheme(scheme);
      const where = `${name}, ${width} px, ${scheme}`;
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), where).toBeLessThanOrEqual(0);
      expect(await page.evaluate(UNLABELLED), where).toEqual([]);
      expect(await page.evaluate(PALE), where).toEqual([]);
    }
  }
  await page.resize(1280, 800);
}

const UNLABELLED = `[...document.querySelectorAll('input, textarea, progress, button')]
  .filter((element) => element.checkVisibility())
  .filter((element) => !(element.labels?.length > 0 || element.textContent.trim()))
  .map((element) => element.outerHTML)`;

/** Texts whose contrast (WCAG 2.2) to the colour behind them is below 4.5; those of disabled controls do not count. */
const PALE = `(() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (numbers(colour)[3] !== 0) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('body *')]
    .filter((element) => element.checkVisibility() && !element.closest(':disabled, .disk:has(:disabled), .hidden, .skip'))
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((element) => {
      const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), element.outerHTML.slice(0, 80)];
    })
    .filter(([contrast]) => contrast < 4.5);
})()`;

describe('the page of an installation, in a browser', () => {
  it('leads from the code to the result by keyboard alone, at three sizes, in light and dark', async (ctx) => {
    await inBrowser(ctx, async (page) => {
      await page.open(`${served.origin}/`);
      await checkScreen(page, 'code');
      expect(await focused(page)).toBe('code');
      await page.type('AAAA-AAAA');
      await page.press('Enter');
      await page.until('document.getElementById("notice")');
      await checkScreen(page, 'wrong code');

      await page.type(served.announced.at(-1)?.code.toLowerCase() ?? '');
      await page.press('Enter');
      await page.until('document.querySelector("input[name=disk]")');
      await checkScreen(page, 'choice');
      await tabTo(page, '/dev/vda');
      await page.press('Space');
      await page.press('ArrowDown');
      expect(await page.evaluate('document.querySelector("input[name=disk]:checked").value')).toBe('/dev/nvme0n1');
      await tabTo(page, 'user');
      await page.type('Ada');
      await tabTo(page, 'password');
      await page.type('correct horse');
      await page.press('Enter');
      await page.until('document.getElementById("user-problem").innerText');
      expect(await focused(page)).toBe('user');
      await checkScreen(page, 'answers that cannot be used');
      await page.evaluate('document.activeElement.select()');
      await page.type('ada');
      await tabTo(page, 'as-text');
      await page.press('Enter');
      await page.until('document.getElementById("verdict").innerText === "No problems found."');
      expect(await focused(page)).toBe('config');
      await page.evaluate(
        '{ const { value } = document.activeElement; document.activeElement.setSelectionRange(value.length, value.length); }',
      );
      await page.type('hostnme: a\n');
      await page.until('document.querySelector("#problems li")?.innerText.includes("hostname")');
      expect(await text(page, 'problems')).toMatch(
        /Line 6:1\s+Unknown key "hostnme"; it has no effect\. Did you mean “hostname”\?/,
      );
      await checkScreen(page, 'text');

      await page.evaluate('document.querySelector("#choose [type=submit]").focus()');
      await page.press('Enter');
      await page.until('!document.getElementById("review").hidden');
      expect(await focused(page)).toBe('title');
      expect(await text(page, 'erased')).toContain('root (ext4, 480 GiB)');
      await checkScreen(page, 'review');
      await tabTo(page, 'confirmation');
      await page.type('/dev/vda');
      await page.press('Enter');
      await sleep(300);
      expect(served.engine.ran).toEqual([]);
      await page.evaluate('document.activeElement.select()');
      await page.type('/dev/nvme0n1');
      await page.press('Enter');
      await page.until('!document.getElementById("progress").hidden');
      await page.until('document.getElementById("percent").innerText === "22 %"');
      expect(await text(page, 'steps')).toContain('Write the system');
      await checkScreen(page, 'progress');

      await page.open(`${served.origin}/`);
      await page.until('!document.getElementById("progress").hidden');
      release();
      await page.until('!document.getElementById("result").hidden');
      expect(await text(page, 'title')).toBe('Installed');
      expect(await text(page, 'next')).toContain('take the medium out');
      await checkScreen(page, 'result');
      expect(served.engine.ran.map(({ disk }) => disk.path)).toEqual(['/dev/nvme0n1']);
      // What a wrong code is answered with is a complaint to a browser.
      expect(page.complaints.filter((line) => !line.includes('status of 403'))).toEqual([]);
      return true;
    });
  });

  it('says why an installation failed, and lets another one begin', async (ctx) => {
    const failing = await servePage();
    failing.engine.work = async () => Promise.reject(new Error('the disk does not answer'));
    try {
      await inBrowser(ctx, async (page) => {
        await page.open(`${failing.origin}/`);
        await page.type(failing.announced.at(-1)?.code ?? '');
        await page.press('Enter');
        await page.until('document.querySelector("input[name=disk]")');
        for (const round of [1, 2]) {
          await page.evaluate(`{
            document.querySelector('input[value="/dev/vda"]').click();
            document.getElementById('mode-text').click();
            document.querySelector('#choose [type=submit]').click();
          }`);
          await page.until('!document.getElementById("review").hidden && !document.getElementById("install").disabled');
          await page.evaluate('document.getElementById("install").click()');
          await page.until('!document.getElementById("result").hidden');
          expect(await text(page, 'result-text')).toContain('The disk does not answer.');
          if (round === 1) await checkScreen(page, 'failure');
          await page.evaluate('document.getElementById("again").click()');
          await page.until('!document.getElementById("choose").hidden');
        }
        expect(failing.engine.ran).toHaveLength(2);
        expect(page.complaints).toEqual([]);
        return true;
      });
    } finally {
      await failing.stop();
    }
  });
});
