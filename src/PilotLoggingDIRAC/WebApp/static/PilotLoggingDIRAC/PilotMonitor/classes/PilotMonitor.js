// SPDX-License-Identifier: GPL-3.0-only
/**
 * DIRAC's Pilot Monitor with one entry more in its context menu.
 *
 * It is not compiled, so the loader must be told where DIRAC's own class is.
 */
Ext.Loader.setPath("DIRAC.PilotMonitor.classes", "static/DIRAC/PilotMonitor/" + (GLOBAL.DEV ? "classes" : "build"));

Ext.define("PilotLoggingDIRAC.PilotMonitor.classes.PilotMonitor", {
  extend: "DIRAC.PilotMonitor.classes.PilotMonitor",

  buildUI: function () {
    var me = this;
    me.callParent(arguments);
    me.contextGridMenu.add({
      text: "Pilot Log (live)",
      tooltip: "Open the pilot's remote log in Pilot Logs",
      handler: function () {
        var reference = GLOBAL.APP.CF.getFieldValueFromSelectedRow(me.grid, "PilotJobReference");
        var setup = { currentState: "", data: { query: "?reference=" + encodeURIComponent(reference) } };
        GLOBAL.APP.MAIN_VIEW.createWindow("app", "PilotLoggingDIRAC.PilotLogs.classes.PilotLogs", setup, null, function (tab) {
          // On a desktop of kind "presenter" it is a tile, which has been loaded already.
          if (!tab.ownerCt || !tab.ownerCt.setActiveTab) return;
          tab.toLoad = true;
          tab.ownerCt.setActiveTab(tab);
        });
      },
    });
  },
});
