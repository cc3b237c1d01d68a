using System;
using System.Net;
using System.Net.Sockets;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Link
{
	/// <summary>A UDP socket that speaks with one address only. What goes wrong with a datagram is the same as its loss.</summary>
	internal sealed class UdpPort : IDisposable
	{
		private readonly Socket socket;
		private readonly byte[] received = new byte[Limits.DatagramBytes];

		/// <summary>localPort: the one that the game wants, any when that is taken or 0. SocketException when there is none.</summary>
		public UdpPort(IPAddress address, int port, int localPort)
		{
			socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
			try {
				Bind(address.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, localPort);
				socket.Connect(new IPEndPoint(address, port));
				socket.Blocking = false;
			} catch {
				socket.Close();
				throw;
			}
		}

		private void Bind(IPAddress any, int localPort)
		{
			try {
				socket.Bind(new IPEndPoint(any, localPort));
			} catch (SocketException) {
				if (localPort == 0)
					throw;
				ClientLogger.Say("UDP port " + localPort + " is taken; using another");
				socket.Bind(new IPEndPoint(any, 0));
			}
		}

		public bool Send(byte[] bytes, int count)
		{
			SocketError error;
			if (!socket.Poll(0, SelectMode.SelectWrite))
				return false;
			int sent = socket.Send(bytes, 0, count, SocketFlags.None, out error);
			return error == SocketError.Success && sent == count;
		}

		/// <summary>The next datagram's bytes, good until the next call, and how many; 0: one without any, or one that failed; -1: none waits.</summary>
		public int Receive(out byte[] bytes)
		{
			SocketError error;
			bytes = received;
			int count = socket.Receive(received, 0, received.Length, SocketFlags.None, out error);
			if (error == SocketError.WouldBlock || error == SocketError.IOPending)
				return -1;
			return error == SocketError.Success ? count : 0;
		}

		public void Dispose()
		{
			socket.Close();
		}
	}
}
