using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using Ringcast.Realtime.Event;
using Ringcast.Realtime.Link;

namespace Ringcast.Realtime.Tests
{
	/// <summary>The ways of a connection to its socket and away from it, where the network does what it should not.</summary>
	internal static class DialTest
	{
		private static readonly IPAddress first = IPAddress.Parse("127.0.0.2"), second = IPAddress.Loopback;

		public static void Add()
		{
			Runner.Add("dial/a family that the system does not have is passed over", NoFamily);
			Runner.Add("dial/a silent address has its share of the time", Silent);
			Runner.Add("dial/the last address has what is left", LastAddress);
			Runner.Add("dial/a stream that breaks in its last moments is an end", BrokenEnd);
		}

		private static TcpListener Listen(IPAddress address, int port = 0)
		{
			TcpListener listener = new TcpListener(address, port);
			listener.Start();
			return listener;
		}

		/// <summary>From the next call on it is this address that is tried, and it answers.</summary>
		private static Socket Reach(Dialer dialer, IPAddress address, long nowUs)
		{
			Socket socket;
			while ((socket = dialer.Advance(nowUs)) == null) {
				Check.Same(address.ToString(), dialer.Address.ToString(), "the address that is tried");
				System.Threading.Thread.Yield();
			}
			Check.Same(address.ToString(), dialer.Address.ToString(), "the address that answers");
			return socket;
		}

		private static void NoFamily()
		{
			TcpListener listener = Listen(second);
			Dialer dialer = new Dialer(new[] {IPAddress.IPv6Loopback, second}, ((IPEndPoint)listener.LocalEndpoint).Port, 10000, family => {
				if (family == AddressFamily.InterNetworkV6)
					throw new SocketException((int)SocketError.AddressFamilyNotSupported);
				return Dialer.OpenTcp(family);
			});
			Check.That(dialer.Advance(0) == null, "it goes on with the next call");
			Reach(dialer, second, 0).Close();
			listener.Stop();
			Dialer none = new Dialer(new[] {second}, 1, 10000, family => {
				throw new SocketException((int)SocketError.AddressFamilyNotSupported);
			});
			none.Advance(0);
			Check.Throws<ClientException>(() => none.Advance(0), "no address is left");
		}

		/// <summary>Listens, and takes no connection any more: its backlog is full, so the system answers none.</summary>
		private sealed class SilentServer : IDisposable
		{
			private readonly List<Socket> sockets = new List<Socket>();
			public readonly int Port;

			public SilentServer(IPAddress address)
			{
				Socket listener = Dialer.OpenTcp(AddressFamily.InterNetwork);
				sockets.Add(listener);
				listener.Bind(new IPEndPoint(address, 0));
				listener.Listen(0);
				Port = ((IPEndPoint)listener.LocalEndPoint).Port;
				while (Fill(address)) {
				}
			}

			private bool Fill(IPAddress address)
			{
				Socket socket = Dialer.OpenTcp(AddressFamily.InterNetwork);
				sockets.Add(socket);
				socket.Blocking = false;
				try {
					socket.Connect(new IPEndPoint(address, Port));
				} catch (SocketException) { /* under way */
				}
				return socket.Poll(200000, SelectMode.SelectWrite);
			}

			public void Dispose()
			{
				foreach (Socket socket in sockets)
					socket.Close();
			}
		}

		private static void Silent()
		{
			using (SilentServer silent = new SilentServer(first)) {
				TcpListener listener = Listen(second, silent.Port);
				Dialer dialer = new Dialer(new[] {first, second}, silent.Port, 10000, Dialer.OpenTcp);
				Check.That(dialer.Advance(0) == null && dialer.Advance(2999999) == null, "waiting");
				Check.Same("127.0.0.2", dialer.Address.ToString(), "its share");
				Check.That(dialer.Advance(3000000) == null, "given up");
				Reach(dialer, second, 3000000).Close();
				dialer = new Dialer(new[] {first, second}, silent.Port, 1000, Dialer.OpenTcp);
				Check.That(dialer.Advance(0) == null && dialer.Advance(500000) == null, "half of a short time");
				Reach(dialer, second, 500000).Close();
				listener.Stop();
			}
		}

		private static void LastAddress()
		{
			using (SilentServer silent = new SilentServer(first)) {
				Dialer dialer = new Dialer(new[] {first}, silent.Port, 10000, Dialer.OpenTcp);
				for (long nowUs = 0; nowUs < 10000000; nowUs += 1000000)
					Check.That(dialer.Advance(nowUs) == null, "still the same");
				dialer.Dispose();
			}
		}

		private sealed class Owner : ILinkOwner
		{
			public string Story = "";

			public void LinkOpened()
			{
			}

			public void LinkLoggedIn(int peerId)
			{
			}

			public void LinkFastChanged(bool isUp)
			{
			}

			public void LinkFastRefused(string reason)
			{
			}

			public void LinkMessage(DataReceivedEventArgs args)
			{
			}

			public void LinkMembership(GroupMembershipEventArgs args)
			{
			}

			public void LinkDropped(DroppedEventArgs args)
			{
			}

			public void LinkResumed(ResumedEventArgs args)
			{
			}

			public void LinkClosed(ConnectionCloseEventArgs args, Exception error)
			{
				Story += "closed " + args.Code + (error != null ? " error" : "");
			}
		}

		private static void BrokenEnd()
		{
			LinkTest.SlowStream stream = new LinkTest.SlowStream {Budget = 1 << 20, IsAnything = true};
			Owner owner = new Owner();
			Connection connection = new Connection(new ClientConfiguration(), owner, "localhost", 1, 0, new ConnectionToken("psess-1", null), 0, stream);
			connection.Poll(1000);
			Check.Same(0, connection.QueuedBytes, "the request is with the stream");
			stream.IsReset = true;
			connection.Core.Close(1000, 2000);
			connection.Poll(2000);
			Check.Same("closed 1006", owner.Story, "told, and nothing thrown into the game");
		}
	}
}
