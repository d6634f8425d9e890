{
  "targets": [
    {
      "target_name": "netlink",
      "sources": [
        "native-addon/src/addon.cc",
        "native-addon/src/channel.cc",
        "native-addon/src/route-sieve.cc",
        "native-addon/src/channel-object.cc",
        "native-addon/src/convert.cc",
        "native-addon/src/file-in-namespace.cc",
        "native-addon/src/mailbox.cc",
        "native-addon/src/namespace.cc",
        "native-addon/src/socket.cc",
        "native-addon/src/thread.cc",
        "native-addon/src/unix-listener.cc",
        "native-addon/src/unix-listener-bind.cc",
        "native-addon/src/unix-listener-object.cc",
        "native-addon/src/watcher.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED"],
      "cflags_cc": ["-std=c++17", "-O2", "-Wall", "-Wextra", "-Wno-missing-field-initializers"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
      "ldflags": ["-static-libstdc++", "-static-libgcc"]
    },
    {
      "target_name": "twill",
      "type": "executable",
      "sources": [
        "cni-plugin/shim/config.cc",
        "cni-plugin/shim/daemon.cc",
        "cni-plugin/shim/delegate.cc",
        "cni-plugin/shim/environment.cc",
        "cni-plugin/shim/error.cc",
        "cni-plugin/shim/input.cc",
        "cni-plugin/shim/json.cc",
        "cni-plugin/shim/loopback.cc",
        "cni-plugin/shim/main.cc",
        "cni-plugin/shim/musl/runtime.cc",
        "cni-plugin/shim/netns.cc",
        "cni-plugin/shim/plugin.cc",
        "cni-plugin/shim/tombstone.cc"
      ],
      "defines": ["TWILL_VERSION=\"<!(node -p \"require('./package.json').version\")\""],
      "cflags_cc": [
        "-std=c++17", "-O2", "-fno-pic", "-fno-pie", "-Wall", "-Wextra", "-ffunction-sections", "-fdata-sections",
        "<!@(cni-plugin/shim/musl/flags.sh compile)"
      ],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20", "-O3"],
      "cflags!": ["-O3", "-fPIC", "-pthread", "-fno-omit-frame-pointer"],
      "defines!": ["_GLIBCXX_USE_CXX11_ABI=1"],
      "ldflags": ["<!@(cni-plugin/shim/musl/flags.sh link)", "-Wl,--gc-sections", "-s"],
      "libraries": ["<!@(cni-plugin/shim/musl/flags.sh libraries)"],
      "ldflags!": ["-rdynamic", "-pthread"]
    }
  ]
}
