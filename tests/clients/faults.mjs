// How flowise-sdk, or flowise-embed in headless Chromium, behaves at each fault, as lines of JSON.
// Usage: node faults.mjs sdk|embed URL MILLISECONDS NAME...
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [client, url, patience, ...names] = process.argv.slice(2)
const chatflowId = 'd290f1ee-6c54-4b01-90e6-d701748f0851'
const here = dirname(fileURLToPath(import.meta.url))
const print = (read) => console.log(JSON.stringify(read))

async function sdk() {
    const { default: { FlowiseClient } } = await import('flowise-sdk')
    for (const name of names) {
        const read = { name, events: [], error: null, done: false }
        const reading = (async () => {
            try {
                const made = await new FlowiseClient({ baseUrl: url }).createPrediction({ chatflowId, question: name, streaming: true })
                for await (const event of made) read.events.push(event)
            } catch (error) {
                read.error = `${error.name}: ${error.message}`
            }
            read.done = true
        })()
        await Promise.race([reading, new Promise((late) => setTimeout(late, Number(patience)))])
        print(read)
    }
}

async function embed() {
    const { chromium } = await import('playwright-core')
    const page = `<!DOCTYPE html><meta charset="utf-8"><title>A page with a chat</title>
<flowise-fullchatbot></flowise-fullchatbot>
<script type="module">
  import Chatbot from '/web.js'
  Chatbot.initFull({ chatflowid: '${chatflowId}', apiHost: '${url}' })
</script>`
    const site = createServer(async (request, response) => {
        const script = request.url === '/web.js'
        response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html')
        response.end(script ? await readFile(join(here, 'node_modules/flowise-embed/dist/web.js')) : page)
    })
    await new Promise((ready) => site.listen(0, '127.0.0.1', ready))
    const browser = await chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run']
    })
    try {
        for (const name of names) {
            const context = await browser.newContext()
            const tab = await context.newPage()
            await tab.goto(`http://127.0.0.1:${site.address().port}/`)
            const box = tab.locator('textarea, input[type=text]').first()
            await box.fill(name)
            await tab.waitForTimeout(300) // the settings of the flow are fetched meanwhile
            await box.press('Enter')
            await tab.waitForTimeout(Number(patience))
            // the first text is the welcome
            const texts = await tab.locator('.chatbot-host-bubble').allTextContents()
            const waits = (await tab.locator('.bubble1').count()) > 0
            print({ name, texts: texts.slice(1).map((text) => text.trim()), waits })
            await context.close()
        }
    } finally {
        await browser.close()
        site.close()
    }
}

await { sdk, embed }[client]()
process.exit(0) // ends clients that still wait
