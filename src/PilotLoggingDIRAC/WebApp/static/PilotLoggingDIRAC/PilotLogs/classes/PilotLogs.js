// SPDX-License-Identifier: GPL-3.0-only
/**
 * "Pilot Logs" in the portal: only a frame. The page inside is plain HTML and JavaScript, see ../page.
 *
 * All that the page shows stands in its address, behind the "?". That is what the portal saves of it, and gives back: from
 * one's own desktop or from a shared one, so that it may be anybody's text. It never becomes HTML, and nothing but the query
 * of our own page's address.
 */
Ext.define("PilotLoggingDIRAC.PilotLogs.classes.PilotLogs", {
  extend: "Ext.dirac.core.Module",

  requires: ["Ext.Component"],

  /** Characters; servers refuse an address that is much longer. */
  LONGEST_PLACE: 16000,

  initComponent: function () {
    this.launcher.title = "Pilot Logs";
    this.launcher.maximized = true;
    /* Where the page is, or is to be. No property of Ext's: its containers have "query", "down" and others as methods. */
    this.pilotLogsPlace = "";
    Ext.apply(this, { layout: "fit" });
    this.callParent(arguments);
  },

  buildUI: function () {
    var me = this;
    me.pilotLogsFrame = Ext.create("Ext.Component", {
      // Ext writes this as HTML and escapes nothing: the address is set afterwards, as a property.
      autoEl: { tag: "iframe", title: "Pilot Logs", frameborder: 0, allow: "clipboard-write" },
      listeners: {
        afterrender: function () {
          me.getFrame().addEventListener("load", function () {
            me.onPageLoad();
          });
          Ext.defer(me.beginPage, 1, me);
        },
      },
    });
    me.add([me.pilotLogsFrame]);
  },

  /** What the portal saved of it, or what another application opens it with. */
  loadState: function (data) {
    var query = data && data.query;
    this.pilotLogsPlace = typeof query === "string" && query.length <= this.LONGEST_PLACE ? query : "";
    if (this.getFrame()) this.openPage();
  },

  getStateData: function () {
    var page = this.getPage();
    return { query: page ? page.location.search : this.pilotLogsPlace };
  },

  /**
   * The portal gives an application its state when its tab becomes the active one. The first tab of a desktop is that before
   * the portal listens, at times, and would never get it: so it is asked for here. It is given once.
   */
  beginPage: function () {
    var container = this.getContainer();
    if (!this.getFrame()) return;
    if (container && container.loadData) container.loadData();
    // Nor is it then the one that "Save" means.
    var tabs = container && container.ownerCt;
    if (tabs && tabs.getActiveTab && !tabs.getActiveTab()) tabs.setActiveTab(container);
    if (!this.getFrame().src) this.openPage();
  },

  openPage: function () {
    this.isPageOpening = true;
    this.getFrame().src = this.addressOfPage();
  },

  addressOfPage: function () {
    var address = new URL(GLOBAL.BASE_URL + "PilotLogs/page", location.href);
    address.search = this.pilotLogsPlace;
    return address.href;
  },

  /**
   * A frame that is moved within the document begins again at its first address, as when a tile of a "presenter" desktop is
   * maximized: then go on where the person was.
   */
  onPageLoad: function () {
    var me = this;
    var page = me.getPage();
    if (!page) return;
    var isMoved = !me.isPageOpening && page.location.href === me.getFrame().src;
    me.isPageOpening = false;
    if (isMoved && page.location.href !== me.addressOfPage()) {
      page.location.replace(me.addressOfPage());
      return;
    }
    page.addEventListener("pagehide", function () {
      if (!me.isPageOpening) me.pilotLogsPlace = page.location.search;
    });
  },

  getFrame: function () {
    var frame = this.pilotLogsFrame;
    return frame && frame.rendered && !frame.destroyed ? frame.el.dom : null;
  },

  /** The window of our page; null while there is none, or something else is in the frame. */
  getPage: function () {
    var frame = this.getFrame();
    try {
      var page = frame && frame.contentWindow;
      return page && /\/PilotLogs\/page$/.test(page.location.pathname) ? page : null;
    } catch (error) {
      return null; // of another origin
    }
  },
});
