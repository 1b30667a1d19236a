// Every program of a Kubernetes cluster in one binary.
//
// The first argument names the program, the rest are its own flags:
//
//	kube etcd|apiserver|controller-manager|scheduler|kubelet|kube-proxy|kubectl|dns [flags]
//
// Everything comes from module dependencies; nothing here changes how the programs behave.
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// cobraParts are the programs that are cobra commands; each is made only when it is asked for,
// since making one registers flags and metrics for the whole process.
var cobraParts = map[string]func() *cobra.Command{
	"apiserver":          app.NewAPIServerCommand,
	"controller-manager": controllers.NewControllerManagerCommand,
	"scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubelet":            func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
	"kube-proxy":         func() *cobra.Command { return proxy.NewProxyCommand() },
	"kubectl":            cmd.NewDefaultKubectlCommand,
}

func usage() {
	names := []string{"dns", "etcd"}
	for name := range cobraParts {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Fprintf(os.Stderr, "usage: kube %s [flags]\n", strings.Join(names, "|"))
	os.Exit(2)
}

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	part := os.Args[1]
	// The programs read os.Args themselves: leave them what they would have seen on their own.
	os.Args = os.Args[1:]
	switch part {
	case "etcd":
		etcdmain.Main(os.Args)
	case "dns":
		// CoreDNS serves only the directives listed here, in this order.
		dnsserver.Directives = []string{"bind", "errors", "kubernetes"}
		coremain.Run()
	default:
		command, known := cobraParts[part]
		if !known {
			usage()
		}
		os.Exit(cli.Run(command()))
	}
}
