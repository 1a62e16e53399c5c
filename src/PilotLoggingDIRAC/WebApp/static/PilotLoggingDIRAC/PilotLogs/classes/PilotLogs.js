/**
 * "Pilot Logs" in the portal: only a frame. The page inside is plain HTML and JavaScript, see ../page.
 */
Ext.define("PilotLoggingDIRAC.PilotLogs.classes.PilotLogs", {
  extend: "Ext.dirac.core.Module",

  requires: ["Ext.Component"],

  initComponent: function () {
    this.launcher.title = "Pilot Logs";
    this.launcher.maximized = true;
    Ext.apply(this, { layout: "fit" });
    this.callParent(arguments);
  },

  buildUI: function () {
    this.frame = Ext.create("Ext.Component", {
      autoEl: {
        tag: "iframe",
        title: "Pilot Logs",
        src: GLOBAL.BASE_URL + "PilotLogs/page" + (this.query || ""),
        frameborder: 0,
        allow: "clipboard-write",
      },
    });
    this.add([this.frame]);
  },

  /** What the portal saved of it, or what another application opens it with. */
  loadState: function (data) {
    this.query = data.query;
    if (this.frame && this.frame.rendered) this.frame.el.dom.src = GLOBAL.BASE_URL + "PilotLogs/page" + (data.query || "");
  },

  /** All that the page shows stands in its address. */
  getStateData: function () {
    var page = this.frame && this.frame.rendered && this.frame.el.dom.contentWindow;
    return { query: page ? page.location.search : this.query || "" };
  },
});
