// A second runtime for the tests: one CNI verb through the reference library, libcni.
//
//	driver ADD|CHECK|DEL CONFLIST CONTAINER_ID NETNS IFNAME [K=V...]
//
// Prints the result of ADD as JSON. An error of a plugin goes to stderr as libcni words it, exit
// code 1. CNI_PATH names the plugins' folder; results are cached where libcni does by default.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/containernetworking/cni/libcni"
)

func main() {
	if len(os.Args) < 6 {
		fmt.Fprintln(os.Stderr, "usage: driver ADD|CHECK|DEL CONFLIST CONTAINER_ID NETNS IFNAME [K=V...]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:6], os.Args[6:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(verb, conflist string, target, cniArgs []string) error {
	list, err := libcni.ConfListFromFile(conflist)
	if err != nil {
		return err
	}
	runtime := &libcni.RuntimeConf{ContainerID: target[0], NetNS: target[1], IfName: target[2]}
	for _, pair := range cniArgs {
		key, value, _ := strings.Cut(pair, "=")
		runtime.Args = append(runtime.Args, [2]string{key, value})
	}
	cni := libcni.NewCNIConfig(strings.Split(os.Getenv("CNI_PATH"), ":"), nil)
	ctx := context.Background()
	switch verb {
	case "ADD":
		result, err := cni.AddNetworkList(ctx, list, runtime)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(result)
	case "CHECK":
		return cni.CheckNetworkList(ctx, list, runtime)
	case "DEL":
		return cni.DelNetworkList(ctx, list, runtime)
	}
	return fmt.Errorf("unknown verb %q", verb)
}
