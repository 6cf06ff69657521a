// flowise-embed in headless Chromium, on a page of another origin: the answer grows, and rating works.
// Usage: node embed.mjs URL SCREENSHOT
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const [url, screenshot] = process.argv.slice(2)
const chatflowid = 'd290f1ee-6c54-4b01-90e6-d701748f0851'
const dist = join(dirname(fileURLToPath(import.meta.url)), 'node_modules/flowise-embed/dist')
const page = `<!DOCTYPE html><meta charset="utf-8"><title>A page with a chat</title>
<flowise-fullchatbot></flowise-fullchatbot>
<script type="module">
  import Chatbot from '/web.js'
  Chatbot.initFull({ chatflowid: '${chatflowid}', apiHost: '${url}' })
</script>`
const site = createServer(async (request, response) => {
    const script = request.url === '/web.js'
    response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html')
    response.end(script ? await readFile(join(dist, 'web.js')) : page)
})
await new Promise((ready) => site.listen(0, '127.0.0.1', ready))

const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run']
})
try {
    const tab = await browser.newPage()
    const faults = []
    tab.on('pageerror', (error) => faults.push(String(error)))
    await tab.goto(`http://127.0.0.1:${site.address().port}/`)
    const question = 'please say these words again, one after the other, so that I can watch them come'
    const box = tab.locator('textarea, input[type=text]').first()
    await box.fill(question)
    await box.press('Enter')
    const bubble = tab.locator('.chatbot-host-bubble').last()
    const seen = new Set()
    for (let i = 0; i < 200; i++) {
        const text = (await bubble.textContent().catch(() => '')) ?? ''
        seen.add(text.trim().length)
        if (text.includes('watch them come')) break
        await tab.waitForTimeout(20)
    }
    assert.ok((await bubble.textContent()).includes(`Support chat echoes: ${question}`))
    assert.ok(seen.size > 4, `the answer did not grow: lengths ${[...seen]}`)
    const rated = tab.waitForResponse((response) => response.url().includes('/api/v1/feedback/') && response.request().method() === 'POST')
    await tab.locator('button[title="Thumbs Up"], button:has(svg.icon-tabler-thumb-up)').first().click({ timeout: 5000 })
    const feedback = await (await rated).json()
    assert.equal(feedback.rating, 'THUMBS_UP')
    await tab.waitForTimeout(500)
    await tab.screenshot({ path: screenshot })
    assert.deepEqual(faults, [])
    console.log(`flowise-embed: the answer grew through ${seen.size} lengths, thumbs-up is feedback ${feedback.id}`)
} finally {
    await browser.close()
    site.close()
}
