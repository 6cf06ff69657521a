// The pages in headless Chromium: what they show, whether axe-core finds a barrier, screenshots.
// Usage: node page.mjs URL FOLDER
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const [url, folder] = process.argv.slice(2)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const flow = 'd290f1ee-6c54-4b01-90e6-d701748f0851'
const views = ['journal', 'records', 'rules', 'faults', 'snapshots', 'namespaces']
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })

const control = (method, path, body) => fetch(`${url}/__mock__${path}`, {
    method, headers: { 'Content-Type': 'application/json' }, ...(body ? { body: JSON.stringify(body) } : {})
})
const ask = (question) => fetch(`${url}/api/v1/prediction/${flow}`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ question })
})

await control('POST', '/rules', { match: { question: { contains: 'refund' } }, answer: 'Within 30 days.', name: 'refunds' })
await control('POST', '/faults', { match: { question: { contains: 'order' } }, fault: 'server-error', times: 2 })
await control('PUT', '/snapshots/before')
await control('PUT', '/namespaces/other')
await control('POST', '/records/tool', { name: '<img src=x onerror="document.title=1">', description: 'd', color: '#fff' })
for (const question of ['Can I get a refund?', 'Where is my order?', '<script>document.title = "attacked"</script>']) await ask(question)

let barriers = 0
const problems = []
for (const scheme of ['light', 'dark']) {
    for (const width of [420, 1280]) {
        const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme: scheme })
        page.on('pageerror', (error) => problems.push(error.message))
        page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
        const check = async (name) => {
            await page.evaluate(axe)
            const found = await page.evaluate(() => window.axe.run())
            const serious = found.violations.filter((each) => ['serious', 'critical'].includes(each.impact))
            for (const each of found.violations) console.log(`${name} ${scheme} ${width}: ${each.impact} ${each.id}: ${each.nodes[0].html.slice(0, 120)}`)
            barriers += serious.length
            const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
            assert.ok(overflow <= 0, `${name} is ${overflow} px too wide at ${width}`)
            await page.screenshot({ path: `${folder}/${name}-${scheme}-${width}.png` })
        }
        await page.goto(url)
        await page.getByText('curl -s').first().waitFor()
        assert.equal(await page.locator('#key').textContent(), 'flowise-mock')
        await check('welcome')
        for (const view of views) {
            await page.goto(`${url}/__mock__/#${view}`)
            await page.locator(`nav a[aria-current][href="#${view}"]`).waitFor()
            await page.waitForTimeout(150)
            await check(view)
        }
        await page.goto(`${url}/__mock__/#journal`)
        await page.getByRole('button', { name: 'createPrediction' }).last().click()
        await page.locator('dialog[open]').waitFor()
        await check('entry')
        assert.equal(await page.title(), 'flowise-mock: journal, rules, faults, records', 'a question became markup')
        await page.close()
    }
}

// What a person does, with the keyboard alone.
const page = await browser.newPage()
page.on('pageerror', (error) => problems.push(error.message))
await page.goto(`${url}/__mock__/`)
await page.getByRole('button', { name: 'createPrediction' }).first().waitFor()
await ask('as it comes')
await page.getByText('"as it comes"').waitFor({ timeout: 3000 })
await page.getByRole('button', { name: 'createPrediction' }).first().focus()
await page.keyboard.press('Enter')
await page.getByRole('button', { name: 'Copy as curl' }).click()
const line = await page.locator('dialog pre').first().textContent()
assert.match(line, /^curl -s -X POST -H 'Content-Type: application\/json'/)
await page.keyboard.press('Escape')
await page.getByLabel('Filter by any text of a request').fill('refund')
assert.equal(await page.locator('tbody tr:visible').count(), 1)
await page.getByRole('link', { name: 'Rules' }).click()
await page.getByLabel('Add a rule').fill('{"answer": "from the page"}')
await page.getByRole('button', { name: 'Add' }).click()
await page.getByText('added:3').first().waitFor()
assert.equal((await (await ask('anything')).json()).text, 'from the page')
await page.getByLabel('Add a rule').fill('{"anser": 1}')
await page.getByRole('button', { name: 'Add' }).click()
await page.getByText('there is no key anser').waitFor()
await page.getByRole('button', { name: 'Reset' }).click()
await page.getByText('default is as it was at the start').waitFor()
assert.deepEqual(await (await fetch(`${url}/__mock__/rules`)).json(), [])
await page.goto(`${url}/docs`)
await page.locator('button.authorize.locked').first().waitFor({ timeout: 20000 })
await browser.close()

assert.deepEqual(problems.filter((each) => !each.includes('409')), [])
assert.equal(barriers, 0)
console.log(`page: 8 pages, 2 widths, 2 schemes, ${barriers} serious findings of axe-core`)
