// Search in a site that is opened as files: a browser starts no worker from file://, so a hidden frame is one.
if (location.protocol === 'file:') {
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement('iframe')
      frame.hidden = true
      frame.title = 'Search'
      document.body.append(frame)
      const inner = frame.contentWindow
      inner.postMessage = data => this.dispatchEvent(new MessageEvent('message', { data }))
      this.inner = inner
      this.loaded = new Promise(resolve => {
        const script = inner.document.createElement('script')
        script.src = new URL(url, location.href).href
        script.onload = resolve
        inner.document.body.append(script)
      })
    }

    postMessage(data) {
      this.loaded.then(() => this.inner.dispatchEvent(new this.inner.MessageEvent('message', { data })))
    }
  }
  window.Worker = window.IFrameWorker
}
